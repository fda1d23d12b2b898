// What a row of the service says, in words, by the keys that it has; one view for every kind of answer.

import { number, plural } from "./dom.js";

const sorted = (shares) => Object.entries(shares ?? {}).sort((a, b) => b[1] - a[1]);
const list = (names) => names.join(", ");

function counts(boxes) {
  const found = new Map();
  for (const { label } of boxes) found.set(label, (found.get(label) ?? 0) + 1);
  return [...found].sort((a, b) => b[1] - a[1]);
}

/**
 * `headline` the answer itself, `share` how likely it is, `bars` of names with their shares, `facts` of names with
 * values, `parts` the views of several tasks; `group` is what answers that are alike have in common.
 */
export function viewOf(row) {
  const bars = sorted(row.probabilities && !Array.isArray(row.probabilities) ? row.probabilities : row.shares);
  const view = { headline: "", group: "", share: null, bars, facts: [], parts: [] };
  if ("label" in row) return { ...view, headline: row.label, group: row.label, share: row.probability };
  if ("labels" in row) {
    const said = row.labels.length ? list(row.labels) : "none of the labels";
    return { ...view, headline: said, group: said };
  }
  if ("values" in row) {
    const [first, ...others] = Object.entries(row.values);
    return { ...view, headline: number(row.value), unit: first?.[0], facts: others.map(([name, v]) => [name, number(v)]) };
  }
  if ("anomaly" in row) {
    const said = row.anomaly ? "unusual" : "nothing unusual";
    return { ...view, headline: said, group: said, facts: [["score", number(row.score)], ["p-value", number(row.p_value)]] };
  }
  if ("boxes" in row) {
    const said = list(counts(row.boxes).map(([name, n]) => `${n} ${name}`)) || "nothing found";
    return { ...view, headline: said, group: said };
  }
  if ("shares" in row) return { ...view, headline: bars[0]?.[0] ?? "nothing", group: bars[0]?.[0] ?? "", share: bars[0]?.[1] ?? null };
  if ("tags" in row) {
    const said = counts((row.entities ?? []).map(({ type }) => ({ label: type })));
    const tagged = row.tags.filter((tag) => tag !== null).length;
    return { ...view, headline: list(said.map(([name, n]) => `${n} ${name}`)) || (row.entities?.length === 0 ? "no entity" : plural(tagged, "tagged word")), bars: [] };
  }
  if ("forecast" in row) return { ...view, headline: `${plural(row.times?.length ?? row.forecast.length, "step")} ahead` };
  if ("answers" in row) {
    const parts = Object.entries(row.answers).map(([name, part]) => [name, viewOf(part)]);
    return { ...view, headline: list(parts.map(([name, part]) => `${name}: ${part.headline}`)), parts };
  }
  if ("text" in row) return { ...view, headline: row.text || "an empty text" };
  return view;
}

const CLOSE = 0.1;

/** What a person should know before believing an answer; empty where there is nothing. */
export function doubts(row, view) {
  const found = [];
  if (row.unknown) found.push("Looks like nothing it was trained on: such an answer means little.");
  const [first, second] = view.bars;
  if ("label" in row && second && first[1] - second[1] < CLOSE) found.push(`A close call: ${first[0]} or ${second[0]}.`);
  return found;
}

/** What became of an input, whatever it was. */
export function outcome(item) {
  if (item.refused) return { failed: true, words: item.refused.found, more: [item.refused.expected && `Expected: ${item.refused.expected}.`, item.refused.advice && `What to do: ${item.refused.advice}.`].filter(Boolean).map((line) => line.replace(/\.\.$/, ".")) };
  if (item.row?.error) return { failed: true, words: item.row.error, more: [] };
  return { failed: false, waiting: !item.row, view: item.row ? viewOf(item.row) : null };
}

/** One sentence for what has been answered, for the eye and the screen reader. */
export function summary(items) {
  const done = items.filter((item) => item.row && !item.row.error);
  const failed = items.filter((item) => outcome(item).failed);
  const unknown = done.filter((item) => item.row.unknown);
  const parts = [`${done.length.toLocaleString("en")} answered`];
  if (failed.length) parts.push(`${failed.length} could not be`);
  if (unknown.length) parts.push(`${unknown.length} ${unknown.length === 1 ? "looks" : "look"} like nothing it was trained on`);
  return `${parts.join(", ")}.`;
}

