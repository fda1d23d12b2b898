// A table before it is sent: its first rows, and which of its columns are meant.

import { button, choice, el, labelled, named, plural } from "./dom.js";
import { lineChart } from "./charts.js";
import { layoutOf, numeric, seriesOf, tableOf, textColumn, textOf, valueColumns } from "./reading.js";

const ROWS = 5;
const COLUMNS = 24;

/** Shows `file` on the `shelf` until a person answers; `give` gets the inputs, each with its `columns` for the download. */
export async function preview(shelf, file, model, give) {
  const table = tableOf(await textOf(file));
  if (!table.rows.length) throw new Error(`${file.name} has no rows.`);
  return new Promise((done) => {
    const close = () => { shelf.replaceChildren(); done(); };
    const chosen = model.kind === "series" ? ofSeries(file, table) : ofTexts(file, table);
    const go = button("", () => { give(chosen.inputs().map(withColumns(table))); close(); }, { class: "primary" });
    const refresh = () => {
      const n = chosen.inputs().length;
      go.textContent = n ? `Answer ${plural(n, model.kind === "series" ? "series" : "text", model.kind === "series" ? "series" : "texts")}` : "Nothing to answer";
      go.disabled = !n;
      chosen.refresh();
    };
    chosen.fields.addEventListener("change", refresh);
    const size = `${plural(table.rows.length, "row")}, ${plural(table.names.length, "column")}`;
    shelf.replaceChildren(el(
      "section", { class: "preview", "aria-label": `Preview of ${file.name}` },
      el("h3", {}, named(file.name), el("span", { class: "soft" }, ` ${size}`)),
      ragged(table),
      chosen.fields, chosen.view,
      el("div", { class: "actions" }, go, button("Leave it", close)),
    ));
    refresh();
    (chosen.fields.querySelector("select") ?? go).focus();
  });
}

function ragged({ ragged: lines, names }) {
  if (!lines.length) return null;
  const some = lines.slice(0, 5).join(", ") + (lines.length > 5 ? ", \u2026" : "");
  return el("p", { class: "notice" }, `${plural(lines.length, "row does", "rows do")} not have ${plural(names.length, "cell")}: number ${some}. They are read as they stand.`);
}

const withColumns = ({ names }) => ({ cells, ...input }) =>
  cells ? { ...input, columns: Object.fromEntries(names.map((name, k) => [name, cells[k] ?? ""])) } : input;

function ofTexts(file, table) {
  let at = textColumn(table);
  const view = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "First rows" });
  const list = choice(table.names.map((name, k) => [String(k), name]), String(at), (value) => { at = Number(value); });
  return {
    fields: el("div", { class: "fields" }, labelled("The texts are in", list)),
    view,
    inputs: () => table.rows.flatMap((cells, i) => {
      const text = cells[at] ?? "";
      return [{ name: `${file.name} row ${i + 1}`, text, cells }];
    }),
    refresh: () => view.replaceChildren(firstRows(table, (k) => k === at)),
  };
}

function ofSeries(file, table) {
  const all = numeric(table);
  const columns = new Set(valueColumns(table));
  let layout = layoutOf(table, [...columns]);
  const view = el("div");
  const layouts = choice([["rows", "a row"], ["columns", "columns, one a channel"]], layout, (value) => { layout = value; });
  const others = all.filter((k) => !columns.has(k));
  const few = all.length <= COLUMNS ? all : others;
  const boxes = few.map((k) => {
    const box = el("input", { type: "checkbox", checked: columns.has(k), onchange: () => (box.checked ? columns.add(k) : columns.delete(k)) });
    return labelled(table.names[k], box, "check");
  });
  const kept = () => all.filter((k) => columns.has(k));
  const inputs = () => (columns.size ? seriesOf(table, kept(), layout, file.name) : []);
  const left = () => table.names.length - columns.size;
  return {
    fields: el("div", { class: "fields" }, labelled("A series is", layouts),
      boxes.length ? el("fieldset", {}, el("legend", {}, all.length <= COLUMNS ? "Values are in" : "Values are also in"), boxes) : null),
    view,
    inputs,
    refresh: () => {
      const [first] = inputs();
      view.replaceChildren(
        first ? el("figure", {}, el("figcaption", {}, "The first series, as it is sent"), lineChart(first.series)) : "",
        el("p", { class: "soft" }, `${plural(columns.size, "column")} of numbers ${columns.size === 1 ? "is" : "are"} sent, ${left()} left out.`),
      );
    },
  };
}

function firstRows({ names, rows }, chosen) {
  const cell = (tag, text, k, given = {}) => el(tag, { class: chosen(k) ? "chosen" : null, ...given }, named(text));
  const shownNames = names.slice(0, COLUMNS);
  return el("table", { class: "plain" },
    el("thead", {}, el("tr", {}, shownNames.map((name, k) => cell("th", name, k, { scope: "col" })))),
    el("tbody", {}, rows.slice(0, ROWS).map((row) => el("tr", {}, shownNames.map((_, k) => cell("td", short(row[k] ?? ""), k))))));
}

const short = (text) => (text.length > 120 ? `${text.slice(0, 120)}\u2026` : text);
