// Where inputs come in: dropped, chosen, pasted or typed. What becomes of them is said by `send`.

import { button, choice, el, labelled } from "./dom.js";
import { preview } from "./preview.js";
import { seriesOfLines, textOf } from "./reading.js";

const TABLE = /\.(csv|tsv)$/i;
const LITTER = /(^|\/)(\.[^/]*|thumbs\.db|desktop\.ini)$/i;
const NO_TEXT = /^(image|audio|video)\/|pdf$|zip$/;
const READS = {
  image: { one: "image", accept: "image/*,.tif,.tiff,.heic,.npy", hint: "or paste one with Ctrl+V. Many at once are fine, and so is a folder." },
  text: { one: "text", accept: ".txt,.md,.csv,.tsv,text/*", hint: "Text files, or a CSV with a column of texts." },
  series: { one: "series", accept: ".csv,.tsv,.txt,text/*", hint: "A CSV of numbers: a row for each series, or a column for each channel." },
};

let count = 0;
const item = (name, given) => ({ id: ++count, name, bytes: 0, ...given });
const typed = (name, given) => item(name, { bytes: JSON.stringify(given.text ?? given.series).length, ...given });
const sent = (file, given = {}) => item(file.name, { file, bytes: file.size, ...given });

/** Builds the composer in `place`; `send(items, options)` is called with what a person gave, `say(text)` tells them. */
export function compose(place, model, { send, say }) {
  const reads = READS[model.kind] ?? READS.image;
  const options = {};
  const give = (items) => items.length && send(items, { ...options, ...(model.task === "segment" ? { masks: "true" } : {}) });
  const shelf = el("div", { class: "shelf" });
  const take = (files) => takeFiles([...files].filter((file) => !LITTER.test(file.name)), { model, reads, give, say, shelf });

  const input = el("input", { type: "file", multiple: true, accept: reads.accept, class: "unseen", tabindex: "-1", "aria-hidden": "true" });
  input.addEventListener("change", () => { take(input.files); input.value = ""; });
  const choose = button(model.kind === "image" ? "Choose images" : "Choose files", () => input.click(), { class: model.kind === "image" ? "primary" : "" });
  const what = model.kind === "image" ? "Drop images here" : model.kind === "text" ? "Drop files here" : "Drop a CSV here";
  const zone = el("div", { class: "zone", id: "zone" }, el("p", { class: "zone-title" }, what), el("p", { class: "soft" }, reads.hint), choose, input);
  const written = model.kind === "image" ? null : writing(model, give, say);
  place.replaceChildren(el("div", { class: written ? "composer two" : "composer" }, written, zone), shelf, ...asked(model, options));
  receive(zone, { take, say, model, written });
}

/** What the answers shall hold beyond the usual, where the bundle can say it. */
function asked(model, options) {
  if (!model.coverage) return [];
  const shares = [["", "no sets"], ["0.8", "80 %"], ["0.9", "90 %"], ["0.95", "95 %"]];
  const list = choice(shares, "", (value) => { if (value) options.coverage = Number(value); else delete options.coverage; });
  const help = "Beside the label, a set of labels that holds the true one in this share of cases, for inputs like those of the training.";
  return [el("details", { class: "options" }, el("summary", {}, "Options"), labelled("Sets of labels that are right in", list), el("p", { class: "soft" }, help))];
}

function writing(model, give, say) {
  const texts = model.kind === "text";
  const area = el("textarea", {
    rows: texts ? 7 : 5, spellcheck: "false", "aria-describedby": "typing-hint",
    placeholder: texts ? "Paste or type a text" : "0.12, 0.15, 0.31, 0.28, \u2026",
  });
  let lines = false;
  const answer = () => {
    try {
      const found = texts ? textsOf(area.value, lines) : seriesOfLines(area.value);
      if (!found.length) throw new Error(texts ? "There is no text yet." : "There are no numbers yet.");
      area.removeAttribute("aria-invalid");
      give(found.map(({ name, ...given }) => typed(name, given)));
    } catch (error) {
      area.setAttribute("aria-invalid", "true");
      say(error.message, "warm");
      area.focus();
    }
  };
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) answer();
  });
  const each = el("input", { type: "checkbox", onchange: (event) => { lines = event.target.checked; } });
  return el(
    "div", { class: "writing" },
    labelled(texts ? "Text" : "Series, one a line", area, "tall"),
    el("div", { class: "actions" },
      button("Answer", answer, { class: "primary" }),
      texts ? labelled("Each line is a text", each, "check") : null,
      el("span", { class: "soft keys", id: "typing-hint" }, el("kbd", {}, "Ctrl"), " ", el("kbd", {}, "Enter"), " answers")),
  );
}

function textsOf(value, lines) {
  if (!lines) return value.trim() ? [{ name: "text", text: value }] : [];
  return value.split(/\r?\n/).flatMap((line, i) => (line.trim() ? [{ name: `line ${i + 1}`, text: line }] : []));
}

async function takeFiles(files, { model, reads, give, say, shelf }) {
  if (!files.length) return;
  if (model.kind === "image") return give(files.map((file) => sent(file)));
  if (model.task === "forecast") return give(files.map((file) => sent(file, { whole: true })));
  const tables = files.filter((file) => TABLE.test(file.name) || model.kind === "series");
  const texts = files.filter((file) => !tables.includes(file));
  const found = [];
  for (const file of texts) {
    const refused = NO_TEXT.test(file.type) && { kind: "kind", found: `${file.name} is no text, and this model reads texts.`, expected: "text files, or a CSV", advice: "" };
    found.push(refused ? item(file.name, { refused }) : typed(file.name, { text: await textOf(file) }));
  }
  give(found);
  for (const file of tables) {
    try {
      await preview(shelf, file, model, (rows) => give(rows.map(({ name, ...given }) => typed(name, given))));
    } catch (error) {
      say(error.message, "warm");
    }
  }
}

/** Files that are dropped anywhere on the page, or pasted anywhere but into a field. */
function receive(zone, { take, say, model, written }) {
  let depth = 0;
  const over = (by) => { depth = Math.max(0, depth + by); zone.classList.toggle("over", depth > 0); };
  const brings = (event) => [...(event.dataTransfer?.types ?? [])].some((type) => type === "Files" || type === "text/uri-list");
  document.addEventListener("dragenter", (event) => brings(event) && over(1));
  document.addEventListener("dragleave", (event) => brings(event) && over(-1));
  document.addEventListener("dragover", (event) => brings(event) && event.preventDefault());
  document.addEventListener("drop", async (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    over(-depth);
    const files = await droppedFiles(event.dataTransfer);
    if (files.length) take(files);
    else say("Only an address was dropped, and this page fetches none. Save the file first, then drop it.", "warm");
  });
  document.addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files];
    if (files.length) {
      event.preventDefault();
      take(files);
    } else if (!event.target.closest("textarea, input")) {
      const area = written?.querySelector("textarea");
      if (area) { area.value = event.clipboardData.getData("text"); area.focus(); event.preventDefault(); }
      else say(`There is no ${READS[model.kind].one} in the clipboard.`, "warm");
    }
  });
}

async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((each) => each.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  return (await Promise.all(entries.map(filesIn))).flat();
}

async function filesIn(entry) {
  if (entry.isFile) return [await new Promise((done, failed) => entry.file(done, failed))];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return found;
    found.push(...(await Promise.all(some.map(filesIn))).flat());
  }
}

