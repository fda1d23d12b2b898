// Files as text, tables and series. Nothing here touches the page.

/** The text of a file: UTF-8 or UTF-16 by its mark, and what is no UTF-8 as the encoding of old Windows programs. */
export async function textOf(file) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const wide = { "255,254": "utf-16le", "254,255": "utf-16be" }[bytes.slice(0, 2).join()];
  try {
    return new TextDecoder(wide ?? "utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

/** Rows of cells of a table (RFC 4180); the delimiter is the one of `,` `;` tab that the first line has most of. */
export function cellsOf(text, delimiter = delimiterOf(text)) {
  const rows = [];
  let [row, cell, quoted] = [[], "", false];
  const end = () => { row.push(cell); cell = ""; };
  for (let i = 0; i < text.length; i++) {
    const one = text[i];
    if (quoted) {
      if (one !== '"') cell += one;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (one === '"' && cell === "") quoted = true;
    else if (one === delimiter) end();
    else if (one === "\n" || one === "\r") {
      if (one === "\r" && text[i + 1] === "\n") i++;
      end();
      rows.push(row);
      row = [];
    } else cell += one;
  }
  if (cell !== "" || row.length) { end(); rows.push(row); }
  return rows.filter((cells) => cells.some((each) => each.trim() !== ""));
}

function delimiterOf(text) {
  const line = text.slice(0, 65536).split(/[\r\n]/, 1)[0].replace(/"[^"]*"/g, "");
  const counts = [",", ";", "\t"].map((mark) => [line.split(mark).length, mark]);
  return counts.reduce((best, each) => (each[0] > best[0] ? each : best))[1];
}

/** A table: `names` of its columns, `rows` of cells, and the numbers of rows that do not have one cell a column. */
export function tableOf(text, delimiter) {
  const [first = [], ...others] = cellsOf(text, delimiter);
  const bare = first.filter((cell) => isNumber(cell)).length > first.length / 2 && !counted(first);
  const names = bare ? first.map((_, i) => `column ${i + 1}`) : first.map((name, i) => name.trim() || `column ${i + 1}`);
  const rows = bare ? [first, ...others] : others;
  const ragged = rows.flatMap((row, i) => (row.length === names.length ? [] : [i + (bare ? 1 : 2)]));
  return { names, rows, ragged };
}

/** Whether a header numbers the steps of series: 0, 1, 2 … */
const counted = (cells) => {
  const numbers = cells.filter(isNumber).map(Number);
  return numbers.length > 2 && Number.isInteger(numbers[0]) && numbers.every((value, i) => value === numbers[0] + i);
};

const isNumber = (cell) => cell.trim() !== "" && Number.isFinite(Number(cell));
const MISSING = new Set(["", "?", "na", "n/a", "nan", "null", "none"]);
const valueOf = (cell = "") => (isNumber(cell) ? Number(cell) : MISSING.has(cell.trim().toLowerCase()) ? null : NaN);

/** The columns, by number, of which all cells are numbers or missing. */
export function numeric({ names, rows }) {
  return names.flatMap((_, k) => (rows.every((row) => !Number.isNaN(valueOf(row[k]))) ? [k] : []));
}

const TEXT = ["text", "sentence", "content", "body", "review", "comment", "message", "title"];
const OTHER = /^(label|class|target|y|id|name|index|time|timestamp|date|split)$/i;

/** The column that most likely holds texts: by its name, else the one with the longest cells. */
export function textColumn({ names, rows }) {
  const known = names.findIndex((name) => TEXT.includes(name.toLowerCase()));
  if (known >= 0) return known;
  const lengths = names.map((_, k) => rows.slice(0, 100).reduce((sum, row) => sum + (row[k] ?? "").length, 0));
  return lengths.indexOf(Math.max(...lengths));
}

/** Columns that hold values of series: the numeric ones that are not named like something else. */
export const valueColumns = (table) => numeric(table).filter((k) => !OTHER.test(table.names[k]));

/** Whether a table has a row for each series, or one series whose channels are its columns. */
export const layoutOf = (table, columns) => (columns.length > 12 || table.rows.length < columns.length ? "rows" : "columns");

/** Series (channels, steps) of a table, each with its name and the cells of its row where it has one. */
export function seriesOf(table, columns, layout, name) {
  const { names, rows } = table;
  if (layout === "columns")
    return [{ name, series: columns.map((k) => rows.map((row) => valueOf(row[k]))) }];
  const channels = new Map();
  for (const k of columns) {
    const channel = names[k].match(/^(.+?)[_\s.-]*\d+$/)?.[1] ?? "";
    channels.set(channel, [...(channels.get(channel) ?? []), k]);
  }
  const groups = [...channels.values()];
  const equal = groups.every((group) => group.length === groups[0].length) && groups[0].length > 1;
  const parts = equal && !channels.has("column") ? groups : [columns];
  return rows.map((cells, i) => ({
    name: `${name} row ${i + 1}`,
    series: parts.map((part) => part.map((k) => valueOf(cells[k]))),
    cells,
  }));
}

/** Series that were typed or pasted: one a line, numbers between commas, semicolons or spaces. */
export function seriesOfLines(text) {
  const found = text.split(/\r?\n/).flatMap((line, i) => (line.trim() ? [{ line, number: i + 1 }] : []));
  return found.map(({ line, number }) => {
    const values = line.trim().split(/[\s,;]+/).filter(Boolean).map(valueOf);
    const wrong = values.findIndex(Number.isNaN);
    if (wrong >= 0) throw new Error(`Line ${number} has something that is no number, at place ${wrong + 1}.`);
    return { name: `line ${number}`, series: [values] };
  });
}
