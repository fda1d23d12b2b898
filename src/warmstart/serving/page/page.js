// What ties the page together: which model answers, what it is given, and what it says.

import { compose } from "./compose.js";
import { button, el, named, number, plural, shown } from "./dom.js";
import { Results } from "./results.js";
import { Service } from "./service.js";

const at = (id) => document.getElementById(id);
const NOUNS = { image: "images", text: "texts", series: "series" };
const TASKS = {
  classify: "tells classes", multilabel: "tells labels, several at a time", regress: "tells numbers", anomaly: "tells what is unusual",
  detect: "finds boxes", segment: "marks areas", forecast: "forecasts", generate: "writes", tag: "tags words", several: "answers several questions",
};

function say(text, kind = "") {
  at("status").className = `status ${kind}`;
  at("status").textContent = shown(text);
}

/** A dialog for the token; `null` where it is closed without one. */
function askToken(wrong) {
  return new Promise((done) => {
    const field = el("input", { type: "password", id: "token", autocomplete: "off", required: true });
    const form = el("form", { method: "dialog" },
      el("h2", {}, "This service asks for a token"),
      el("p", { class: wrong ? "notice" : "soft" }, wrong ? "That was not the token." : "Whoever started it has it. It is kept for this tab alone, until it is closed."),
      el("label", { for: "token" }, "Token"), field,
      el("div", { class: "actions" }, el("button", { class: "primary", value: "go" }, "Go on"), button("Cancel", () => dialog.close())));
    const dialog = el("dialog", { class: "token", "aria-label": "Token" }, form);
    dialog.addEventListener("close", () => { dialog.remove(); done(dialog.returnValue === "go" ? field.value.trim() : null); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

const share = (name) => /accuracy|f1|precision|recall|auc|ap\b|iou|map/i.test(name);
const measured = (name, value) => (share(name) ? `${(100 * value).toFixed(1)}\u202f%` : number(value));

/** The first measure of a bundle, large, with its interval. */
function headline(metrics) {
  const [name, found] = Object.entries(metrics ?? {}).find(([, each]) => typeof each?.value === "number") ?? [];
  if (!name) return [];
  const { value, low, high } = found;
  const range = typeof low === "number" ? `on test data it never saw; 95 % interval ${measured(name, low)} to ${measured(name, high)}` : "on test data it never saw";
  return [el("p", { class: "key" }, el("span", { class: "number" }, measured(name, value)), " ", name.replaceAll("_", " ")), el("p", { class: "soft" }, range)];
}

function about(model) {
  const backbone = model.backbone?.name ?? model.backbone;
  const limits = model.limits ?? {};
  const metrics = Object.entries(model.metrics ?? {}).filter(([, each]) => typeof each?.value === "number");
  const rows = [
    ["Task", TASKS[model.task] ?? model.task],
    ["Answers", model.classes?.length ? model.classes.map((name, i) => [i ? ", " : "", named(name)]) : null],
    ["Measured", metrics.map(([name, { value }], i) => [i ? ", " : "", `${name.replaceAll("_", " ")} `, el("b", {}, measured(name, value))])],
    ["Backbone", backbone && named(backbone)],
    ["Licence of the weights", model.licence && named(model.licence)],
    ["Made", model.created && new Date(model.created).toLocaleString("en", { dateStyle: "long", timeStyle: "short" })],
    ["Takes", limits.max_inputs && `${plural(limits.max_inputs, "input")} and ${(limits.max_body / 2 ** 20).toFixed(0)} MB a request; this page sends more in parts`],
    ["Version", model.version && `warmstart ${model.version}`],
  ];
  const told = rows.filter(([, value]) => value && (!Array.isArray(value) || value.length));
  at("about-text").replaceChildren(
    el("dl", { class: "told" }, told.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    el("p", {}, el("a", { href: "openapi.json" }, "The service for programs"), " (OpenAPI)"));
}

function introduce(model) {
  document.title = `${shown(model.name)} \u2013 warmstart`;
  at("name").replaceChildren(named(model.name));
  const classes = model.classes?.length ?? 0;
  const facts = [
    TASKS[model.task] ? `${TASKS[model.task]}${["forecast", "generate"].includes(model.task) ? "" : ` ${model.task === "detect" || model.task === "segment" ? "in" : "of"} ${NOUNS[model.kind] ?? "inputs"}`}` : model.task,
    ["classify", "multilabel", "detect", "segment"].includes(model.task) ? plural(classes, "class", "classes") : "",
    model.explain?.methods?.length ? "says why" : "",
  ];
  at("facts").replaceChildren(...facts.filter(Boolean).map((fact) => el("span", {}, fact)));
  at("measure").replaceChildren(...headline(model.metrics));
  about(model);
}

async function start() {
  const service = new Service(askToken);
  try {
    const model = await service.model();
    introduce(model);
    const results = new Results({ toolbar: at("toolbar"), answers: at("answers"), section: at("results"), say, service, model });
    compose(at("composer"), model, { send: (items, options) => results.send(items, options), say });
    say("");
    document.body.dataset.ready = "yes";
  } catch (error) {
    at("facts").textContent = "The service did not answer.";
    at("composer").replaceChildren(el("div", { class: "zone failed" }, el("p", { class: "zone-title" }, error.message), el("p", { class: "soft" }, error.advice ? `What to do: ${error.advice}.` : ""), button("Try again", start, { class: "primary" })));
  }
}

start();
