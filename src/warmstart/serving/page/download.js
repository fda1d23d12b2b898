// Answers as files, made in the browser. The columns are those that `warmstart predict --out answers.csv` writes.

const NAMED = { probabilities: (name) => `p(${name})`, values: (name) => name };
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

/** A cell that no spreadsheet takes for a formula: texts that begin like one get an apostrophe; numbers stay. */
export function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const safe = FORMULA.test(text) && !isNumber(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const isNumber = (text) => /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text);

const MINE = "\0"; // before the names of the user's own columns, so that none is taken for one of an answer

/** Lines of a table for one input: one, but of boxes, masks and forecasts one for each of what was found. */
function lines(item) {
  const { row, refused } = item;
  const own = item.columns ? Object.fromEntries(Object.entries(item.columns).map(([name, text]) => [MINE + name, text])) : { input: item.name };
  const error = refused?.found ?? row?.error ?? null;
  if (!row || error) return [{ ...own, error: error ?? "not answered" }];
  if (row.boxes) return row.boxes.map(({ label, score, box: [left, top, right, bottom] }) => ({ ...own, label, score, left, top, right, bottom }));
  if (row.shares) return Object.entries(row.shares).map(([label, share]) => ({ ...own, label, share }));
  if (row.forecast) {
    return row.times.map((time, i) => ({ ...own, time, forecast: row.forecast[i],
      ...Object.fromEntries(Object.entries(row.quantiles).map(([level, values]) => [`q${level}`, values[i]])) }));
  }
  return [{ ...own, ...flat(row) }];
}

function flat(row) {
  const found = {};
  for (const [key, value] of Object.entries(row)) {
    if (key === "input" || key === "mask" || key === "error") continue;
    if (NAMED[key] && value && !Array.isArray(value)) {
      for (const [name, share] of Object.entries(value)) found[NAMED[key](name)] = share;
    } else if (key === "answers") {
      for (const [task, answer] of Object.entries(value ?? {})) {
        found[task] = Object.values(answer)[0];
        if ("probability" in answer) found[`${task} probability`] = answer.probability;
      }
    } else found[key] = value;
  }
  return found;
}

/**
 * All answers as CSV: the columns of the user's own table first, where there was one, and `error` last. Where both
 * have a column of a name, that of the answers is called `answered ...`.
 */
export function csvOf(items) {
  const all = items.flatMap(lines);
  const columns = [...new Set(all.flatMap(Object.keys))].filter((name) => name !== "error").concat("error");
  const taken = new Set(columns.filter((name) => name.startsWith(MINE)).map((name) => name.slice(1)));
  const titled = (name) => (name.startsWith(MINE) ? name.slice(1) : taken.has(name) ? `answered ${name}` : name);
  const table = [columns.map(titled), ...all.map((line) => columns.map((name) => line[name]))];
  return `${table.map((row) => row.map(cell).join(",")).join("\r\n")}\r\n`;
}

export function jsonOf(items, model) {
  const rows = items.map((item) => ({
    ...(item.row ?? { error: item.refused?.found ?? "not answered" }),
    input: item.name,
    ...(item.columns ? { columns: item.columns } : {}),
  }));
  return JSON.stringify({ model: { name: model.name, task: model.task, created: model.created, version: model.version }, rows }, null, 1);
}

/** Hands a file over; the mark of UTF-8 lets spreadsheets read names as they are. */
export function save(name, type, text) {
  const mark = type === "text/csv" ? "\ufeff" : "";
  const address = URL.createObjectURL(new Blob([mark + text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  Object.assign(link, { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
