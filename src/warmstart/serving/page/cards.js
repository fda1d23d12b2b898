// One card an input: what was sent, the answer, how likely others are, and why.

import { doubts, outcome } from "./answers.js";
import { boxesOver, classHue, forecastChart, lineChart, maskOver } from "./charts.js";
import { button, el, labelled, named, percent, styled } from "./dom.js";
import { why } from "./why.js";

const TOP = 5;
const EXCERPT = 320;

/** The card of an item; `context` has the `service`, the `model`, and what can `say` something. */
export function card(item, context) {
  const { failed, waiting, words, more, view } = outcome(item);
  const title = el("h3", { id: `title-${item.id}`, tabindex: "-1" },
    waiting ? (item.stopped ? "Not asked" : "Waiting \u2026") : failed ? "No answer" : headline(view));
  return el("article", { class: `card ${failed ? "failed" : ""}`, "aria-labelledby": title.id, "aria-busy": waiting ? "true" : null },
    sent(item, context, failed),
    el("div", { class: "said" }, el("p", { class: "input", title: item.name }, named(item.name)), title,
      failed ? [el("p", { class: "notice" }, words), more.map((line) => el("p", { class: "soft" }, line))] : null,
      view ? answer(item, view, context) : null));
}

function headline({ headline: said, share, unit }) {
  return [named(said || "no answer"), share === null ? "" : [" ", el("span", { class: "share" }, percent(share))], unit ? el("span", { class: "unit" }, ` ${unit}`) : ""];
}

function answer(item, view, context) {
  const { row } = item;
  return [
    doubts(row, view).map((words) => el("p", { class: "notice" }, words)),
    row.set ? el("p", { class: "soft" }, "One of ", row.set.map((name, i) => [i ? ", " : "", el("b", {}, named(name))]), row.set.length ? "" : "none of the labels") : null,
    row.tags ? tagged(item) : null,
    row.forecast ? forecastChart(row, item.series?.[0]) : null,
    bars(view, row.shares ? context.model.classes : null),
    facts(view),
    view.parts.map(([name, part]) => el("section", { class: "part" }, el("h4", {}, named(name), ": ", headline(part)), bars(part, null), facts(part))),
    context.model.explain ? reasons(item, context) : null,
  ].flat().filter(Boolean);
}

function facts({ facts: told }) {
  return told.length ? el("dl", { class: "told" }, told.map(([name, value]) => [el("dt", {}, named(name)), el("dd", {}, value)])) : null;
}

function bars({ bars: shares }, coloured) {
  if (shares.length < 2) return null;
  const row = ([name, share]) => styled(el("li", {}, named(name), el("span", { class: "share" }, percent(share)), el("span", { class: "bar", "aria-hidden": "true" })),
    { "--share": share.toFixed(4), ...(coloured ? { "--hue": classHue(coloured.indexOf(name)) } : {}) });
  const list = el("ol", { class: "bars" }, shares.slice(0, TOP).map(row));
  if (shares.length <= TOP) return list;
  const all = button(`All ${shares.length}`, () => {
    const open = all.getAttribute("aria-expanded") === "true";
    all.setAttribute("aria-expanded", String(!open));
    all.textContent = open ? `All ${shares.length}` : `The first ${TOP}`;
    list.replaceChildren(...shares.slice(0, open ? TOP : undefined).map(row));
  }, { class: "quiet", "aria-expanded": "false" });
  return [list, all];
}

function reasons(item, { service, model, say }) {
  const place = el("div", { class: "why", id: `why-${item.id}`, hidden: true });
  const ask = button("Why?", () => {
    place.hidden = !place.hidden;
    ask.setAttribute("aria-expanded", String(!place.hidden));
    if (!place.hidden && !place.childElementCount) why(place, item, { service, model, say });
  }, { "aria-expanded": "false", "aria-controls": place.id, "aria-describedby": `title-${item.id}` });
  return [ask, place];
}

/** What a person gave, as they know it. */
function sent(item, context, failed) {
  if (item.url) return picture(item, context, failed);
  if (item.series) return item.row?.forecast ? null : el("div", { class: "sent" }, lineChart(item.series));
  if (item.text !== undefined && !item.row?.tags) return excerpt(item.text);
  return null;
}

function excerpt(text) {
  const place = el("blockquote", { class: "sent", ...SCROLLS });
  if (text.length <= EXCERPT) return fill(place, text);
  const cut = text.slice(0, EXCERPT).replace(/\s+\S*$/, "").replace(/\s+/g, " ");
  const all = button("Show all", () => fill(place, text), { class: "quiet" });
  return fill(place, `${cut} \u2026 `, all);
}

const SCROLLS = { tabindex: "0", role: "group", "aria-label": "The text" }; // so that the arrow keys reach its end

const fill = (place, ...parts) => { place.replaceChildren(...el("div", {}, parts).childNodes); return place; };

function picture(item, { model }, failed) {
  const image = el("img", { src: item.url, alt: "", loading: "lazy", decoding: "async" });
  const over = el("div", { class: "boxes", "aria-hidden": "true" });
  const fit = el("div", { class: "fit" }, image, over);
  const place = el("div", { class: "picture" }, fit);
  image.addEventListener("load", () => { if (Math.max(image.naturalWidth, image.naturalHeight) < 128) fit.classList.add("tiny"); });
  image.addEventListener("error", () => {
    item.unseen = true;
    fit.replaceChildren(el("p", { class: "soft" }, failed ? "No picture" : "This browser cannot show it."));
  });
  if (item.row?.boxes?.length) return [place, found(item.row, model.classes, over)];
  if (item.row?.mask) return [place, covered(item.row, over)];
  return place;
}

function found(row, classes, over) {
  const lowest = Math.min(...row.boxes.map(({ score }) => score));
  const least = el("input", { type: "range", min: Math.floor(100 * lowest), max: "100", value: "0", oninput: () => draw() });
  const count = el("output", { class: "soft" });
  const draw = () => {
    boxesOver(over, row, classes, least.value / 100);
    count.textContent = `${over.childElementCount} of ${row.boxes.length}, from ${least.value} %`;
  };
  draw();
  const line = ({ label, score }) => el("li", {}, named(label), " ", el("span", { class: "share" }, percent(score)));
  return el("div", { class: "layer" }, labelled("Surer than", least, "range"), count,
    el("details", {}, el("summary", {}, "All boxes in words"), el("ol", { class: "found" }, row.boxes.map(line))));
}

function covered(row, over) {
  const canvas = el("canvas", { class: "over" });
  over.append(canvas);
  maskOver(canvas, row.mask);
  const strength = el("input", { type: "range", min: "0", max: "100", value: "55", oninput: () => styled(canvas, { opacity: String(strength.value / 100) }) });
  styled(canvas, { opacity: "0.55" });
  return el("div", { class: "layer" }, labelled("Strength of the mask", strength, "range"));
}

/** A text with its entities, or with the tag of each word; places are in characters, as the service counts them. */
function tagged({ row, text }) {
  const letters = Array.from(text);
  const marked = (words, tag, sure) => el("mark", { title: percent(sure) }, words, el("span", { class: "tag" }, tag));
  if (!row.entities?.length) return el("p", { class: "passage", ...SCROLLS }, row.words.map((word, i) => [row.tags[i] && row.tags[i] !== "O" ? marked(word, row.tags[i], row.probabilities[i]) : word, " "]));
  const parts = [];
  let from = 0;
  for (const { start, end, type, probability } of row.entities) {
    parts.push(letters.slice(from, start).join(""), marked(letters.slice(start, end).join(""), type, probability));
    from = end;
  }
  return el("p", { class: "passage", ...SCROLLS }, parts, letters.slice(from).join(""));
}
