// Why a bundle answers as it does: what speaks for it, the training samples it is like, and whether to believe that.

import { heatOver, lineChart } from "./charts.js";
import { button, choice, el, labelled, named, number, percent, styled } from "./dom.js";

const TOLD = 6;
const FAINT = 0.2; // of the strongest word: what adds less is not marked
const METHODS = { gradcam: "Grad-CAM", integrated_gradients: "integrated gradients", occlusion: "occlusion" };

/** Asks why, shows it in `place` and lets `say` tell it; other labels and methods are asked for from there. */
export async function why(place, item, { service, model, say, label, method }) {
  place.replaceChildren(el("p", { class: "busy" }, "Asking the network why \u2026"));
  place.setAttribute("aria-busy", "true");
  const again = (other) => why(place, item, { service, model, say, label, method, ...other });
  try {
    item.told ??= {};
    const told = (item.told[`${label}/${method}`] ??= await service.explain(item, { label, method }));
    const { label: about, doubt, rests_on: rests, error } = told.explanation;
    say(error || `Why ${about}: ${doubt || `rests on ${rests}`}`);
    place.replaceChildren(...told.explanation.error ? [failed(told.explanation.error)] : reasons(told, item, model, again, { label, method }));
  } catch (error) {
    say(error.message);
    place.replaceChildren(failed(error.message), error.advice ? el("p", { class: "soft" }, `What to do: ${error.advice}.`) : "", button("Try again", () => again({})));
  } finally {
    place.removeAttribute("aria-busy");
  }
}

const failed = (words) => el("p", { class: "notice" }, words);

function reasons({ explanation, picture }, item, model, again, asked) {
  const { label, doubt, rests_on: rests, probability } = explanation;
  const sure = probability === null || probability === undefined ? "" : ` (${percent(probability)})`;
  return [
    el("h4", {}, "Why ", el("q", {}, named(label)), sure, rests ? el("span", { class: "soft" }, " rests on ", named(rests)) : ""),
    doubt ? el("p", { class: "notice" }, el("b", {}, "Doubtful. "), capital(doubt)) : null,
    evidence(explanation, picture, item),
    likes(explanation.nearest ?? []),
    trust(explanation),
    others(model, item, explanation, again, asked),
  ].filter(Boolean);
}

const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? "" : ".");

function evidence(explanation, picture, item) {
  if (explanation.words?.length) return words(explanation.words, item.text);
  if (item.series && explanation.map) return el("div", {}, lineChart(item.series, explanation.map.map((row, k) => behind(row, item.series[k]))), legend("Bars up speak for it", "bars down against it"));
  if (item.url && explanation.map && !item.unseen) return heat(explanation, item);
  return picture ? el("img", { src: picture, alt: "The input, and where in it the evidence lies", class: "told" }) : null;
}

/** The map of the end of a series (all that a forecast is made from) as one of the whole. */
const behind = (row, values) => [...Array(Math.max(0, values.length - row.length)).fill(0), ...row];

const legend = (good, bad) => el("p", { class: "legend" }, el("span", { class: "for" }, good), ", ", el("span", { class: "against" }, bad), ".");

function heat({ map, box, size }, item) {
  const canvas = el("canvas", { class: "over", role: "img", "aria-label": "Where in the image the evidence lies" });
  heatOver(canvas, map);
  const image = el("img", { src: item.url, alt: "" });
  const strength = el("input", { type: "range", min: "0", max: "100", value: "75", oninput: () => dim() });
  const dim = () => {
    styled(canvas, { opacity: String(strength.value / 100) });
    styled(image, { filter: `grayscale(${strength.value}%)` });
  };
  dim();
  const negative = map.flat().some((weight) => weight < 0);
  return el("div", {},
    el("div", { class: "picture heat" }, el("div", { class: "fit" }, image, canvas, box ? frame(box, size) : null)),
    labelled("Strength of the map", strength, "range"),
    negative ? legend("Orange speaks for it", "blue against it") : el("p", { class: "legend" }, "The more orange, the more it speaks for the answer."));
}

/** Around the box that is explained. */
function frame([left, top, right, bottom], [width, height]) {
  const share = (part, whole) => `${(100 * part) / whole}%`;
  const place = { left: share(left, width), top: share(top, height), width: share(right - left, width), height: share(bottom - top, height) };
  return styled(el("span", { class: "box", "aria-hidden": "true" }), { ...place, "--hue": "white" });
}

/** The text itself with what its words add; the sign is in the line below a word and in the list, not in colour alone. */
function words(weights, text = "") {
  const most = Math.max(...weights.map(([, weight]) => Math.abs(weight))) || 1;
  const passage = el("p", { class: "passage", tabindex: "0", role: "group", "aria-label": "The text, with what its words add" });
  let from = 0;
  for (const [word, weight] of weights) {
    const at = text.indexOf(word, from);
    passage.append(at < 0 ? " " : text.slice(from, at));
    from = at < 0 ? from : at + word.length;
    const share = Math.abs(weight) / most;
    const kind = share < FAINT ? null : weight > 0 ? "for" : "against";
    passage.append(styled(el("span", { class: kind, title: signed(weight) }, word), { "--share": share.toFixed(2) }));
  }
  passage.append(text.slice(from));
  const strongest = [...weights].sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, TOLD);
  const row = ([word, weight]) => el("li", {}, named(word), " ", el("span", { class: "share" }, signed(weight)),
    styled(el("span", { class: `weight ${weight > 0 ? "for" : "against"}`, "aria-hidden": "true" }), { "--share": (Math.abs(weight) / most).toFixed(3) }));
  return el("div", {}, passage, legend("A full line speaks for it", "a broken one against it"), el("ol", { class: "weights" }, strongest.map(row)));
}

const signed = (weight) => `${weight > 0 ? "+" : weight < 0 ? "\u2212" : ""}${number(Math.abs(weight))}`;

function likes(nearest) {
  if (!nearest.length) return null;
  const row = ({ name, label, similarity }) => el("li", {}, el("b", {}, named(label)), " ", el("span", { class: "soft" }, named(name)), el("span", { class: "share" }, similarity.toFixed(2)));
  return el("div", {}, el("h5", {}, "The training samples it is most like"), el("ol", { class: "likes" }, nearest.map(row)), el("p", { class: "legend" }, "1.00 is the same to the network."));
}

function trust({ faithful, drop, method, doubt }) {
  const said = [`By ${METHODS[method] ?? method.replaceAll("_", " ")}.`];
  if (faithful === true) said.push("The map changes when the network forgets what it learned, as it should.");
  if (faithful === null || faithful === undefined) said.push("Whether it follows from what the network learned was not checked.");
  if (drop && !doubt) said.push(`Covering the fifth that matters most ${moved(drop.important)}, covering as much elsewhere ${moved(drop.elsewhere)}.`);
  return el("p", { class: "legend" }, said.join(" "));
}

/** What is explained where nothing is chosen. */
const whole = ({ row: { boxes, tags } }) => (boxes ? "the surest" : tags ? "the surest tag" : "all steps together");

const moved = (fall) => `${fall < 0 ? "raises" : "lowers"} the answer by ${number(Math.abs(fall), 2)}`;

/** The parts of an answer that can be explained one by one, as pairs of what is asked for and what a person reads. */
function parts({ row }) {
  if (row.boxes) return row.boxes.map(({ label, score }, i) => [String(i + 1), `${i + 1}: ${label} (${percent(score)})`]);
  if (row.tags) return row.tags.map((tag, i) => (tag === null ? null : [String(i + 1), `${row.words[i]}: ${tag}`])).filter(Boolean);
  if (row.forecast) return row.forecast.map((_, i) => [`+${i + 1}`, `step ${i + 1}`]);
  return [];
}

function others(model, item, explanation, again, { label, method }) {
  const fields = [];
  const some = parts(item);
  if (some.length > 1)
    fields.push(labelled("Why", choice([["", whole(item)], ...some], label ?? "", (value) => again({ label: value || undefined }))));
  const classes = model.classes ?? [];
  if (["classify", "multilabel", "regress"].includes(model.task) && classes.length > 1)
    fields.push(labelled("Why, or why not", choice(classes.map((name) => [name, name]), label ?? explanation.label, (value) => again({ label: value }))));
  const methods = model.explain?.methods ?? [];
  if (methods.length > 1)
    fields.push(labelled("by", choice(methods.map((name) => [name, METHODS[name] ?? name.replaceAll("_", " ")]), method ?? explanation.method, (value) => again({ method: value }))));
  return fields.length ? el("div", { class: "fields" }, fields) : null;
}
