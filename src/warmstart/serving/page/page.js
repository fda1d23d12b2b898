// What ties the page together: which model answers, what it is given, and what it says.

import { compose } from "./compose.js";
import { button, el, named, number, percent, plural, shown } from "./dom.js";
import { Results } from "./results.js";
import { Service } from "./service.js";

const at = (id) => document.getElementById(id);
const NOUNS = { image: "images", text: "texts", series: "series" };
const TASKS = {
  classify: (noun, n) => `tells ${noun} of ${plural(n, "class", "classes")} apart`,
  multilabel: (noun, n) => `says which of ${plural(n, "label")} ${noun} have`,
  regress: (noun) => `reads numbers off ${noun}`,
  anomaly: (noun) => `finds unusual ${noun}`,
  detect: (noun, n) => `finds things of ${plural(n, "class", "classes")} in ${noun}`,
  segment: (noun, n) => `marks areas of ${plural(n, "class", "classes")} in ${noun}`,
  forecast: () => "says how series go on",
  generate: () => "answers texts with texts",
  tag: (_, n) => `tags the words of texts with ${plural(n, "tag")}`,
  several: (noun) => `answers several questions about ${noun}`,
};
const does = (model) => TASKS[model.task]?.(NOUNS[model.kind] ?? "inputs", model.classes?.length ?? 0) ?? model.task;

function say(text, kind = "") {
  at("status").className = kind ? `status ${kind}` : "unseen"; // what went well is seen in the answers
  at("status").textContent = shown(text);
}

/** A dialog for the token; `null` where it is closed without one. */
function askToken(wrong) {
  return new Promise((done) => {
    const field = el("input", { type: "password", id: "token", autocomplete: "off", required: true });
    const form = el("form", { method: "dialog" },
      el("h2", { id: "token-title" }, "This service asks for a token"),
      el("p", { class: wrong ? "notice" : "soft" }, wrong ? "That was not the token." : "Whoever started it has it. It is kept for this tab alone, until it is closed."),
      el("label", { for: "token" }, "Token"), field,
      el("div", { class: "actions" }, el("button", { class: "primary", value: "go" }, "Go on"), button("Cancel", () => dialog.close())));
    const dialog = el("dialog", { class: "token", "aria-labelledby": "token-title" }, form);
    dialog.addEventListener("close", () => { dialog.remove(); done(dialog.returnValue === "go" ? field.value.trim() : null); });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A measure of a model as a person reads it: what it is called, and its value. */
const called = (model, name) => model.measures?.[name]?.called ?? name.replaceAll("_", " ");
const measured = (model, name, value) => (model.measures?.[name]?.share ? percent(value) : number(value, 3));

/** The first measure of a bundle, large, with its interval. */
function headline(model) {
  const [name, found] = Object.entries(model.metrics ?? {}).find(([, each]) => typeof each?.value === "number") ?? [];
  if (!name) return [];
  const ends = [found.low, found.high].map((end) => typeof end === "number" && measured(model, name, end).replace("\u202f%", ""));
  const range = ends.every(Boolean) ? [", ", el("span", { class: "whole" }, `95\u202f% interval ${ends.join("\u2013")}`)] : "";
  return [
    el("p", { class: "key" }, el("span", { class: "number" }, measured(model, name, found.value)), " ", called(model, name)),
    el("p", { class: "soft" }, "on test data that it never saw", range),
  ];
}

function about(model) {
  const backbone = model.backbone?.name ?? model.backbone;
  const limits = model.limits ?? {};
  const metrics = Object.entries(model.metrics ?? {}).filter(([, each]) => typeof each?.value === "number");
  const rows = [
    ["Task", does(model)],
    ["Answers", model.classes?.length ? model.classes.map((name, i) => [i ? ", " : "", named(name)]) : null],
    ["Measured", metrics.map(([name, { value }], i) => [i ? ", " : "", `${called(model, name)} `, el("b", {}, measured(model, name, value))])],
    ["Backbone", backbone && named(backbone)],
    ["Licence of the weights", model.licence && named(model.licence)],
    ["Made", model.created && new Date(model.created).toLocaleString("en", { dateStyle: "long", timeStyle: "short" })],
    ["Takes", limits.max_inputs && `${plural(limits.max_inputs, "input")} and ${(limits.max_body / 1e6).toFixed(0)} MB a request; this page sends more in parts`],
    ["Version", model.version && `warmstart ${model.version}`],
  ];
  const told = rows.filter(([, value]) => value && (!Array.isArray(value) || value.length));
  at("about-text").replaceChildren(
    el("dl", { class: "told" }, told.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)])),
    el("p", {}, "Programs ask it too: ", el("a", { href: "openapi.json" }, "openapi.json"), " says how."));
}

function introduce(model) {
  document.title = `${shown(model.name)} \u2013 warmstart`;
  at("name").replaceChildren(named(model.name));
  const facts = [does(model), model.explain?.methods?.length ? "says why" : ""];
  at("facts").replaceChildren(...facts.filter(Boolean).map((fact) => el("span", {}, fact)));
  at("measure").replaceChildren(...headline(model));
  about(model);
  at("about").open = true; // until there are answers to look at
}

async function start() {
  const service = new Service(askToken);
  try {
    const model = await service.model();
    introduce(model);
    const results = new Results({ toolbar: at("toolbar"), answers: at("answers"), section: at("results"), say, service, model });
    compose(at("composer"), model, { say, send: (items, options) => { document.body.classList.remove("empty"); at("about").open = false; results.send(items, options); } });
    say("");
    document.body.dataset.ready = "yes";
  } catch (error) {
    at("facts").textContent = "The service did not answer.";
    at("composer").replaceChildren(el("div", { class: "zone failed" }, el("p", { class: "zone-title" }, error.message), el("p", { class: "soft" }, error.advice ? `What to do: ${error.advice}.` : ""), button("Try again", start, { class: "primary" })));
  }
}

start();
