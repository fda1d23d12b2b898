// Elements of the page. What data says goes in as text alone, so that it can never become markup.

const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}]/gu;
const KEPT = new Set(["\n", "\t", "\u200c", "\u200d"]); // joiners belong to the spelling of Persian, Hindi and emoji

/** `text` with what would steer the direction of text, or a terminal it is copied to, made visible. */
export function shown(text) {
  return String(text).replace(UNSEEN, (one) => (KEPT.has(one) ? one : "\ufffd"));
}

function fill(made, given, children) {
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  const some = children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
  made.append(...some.map((child) => (child instanceof Node ? child : shown(child))));
  return made;
}

export const el = (tag, given = {}, ...children) => fill(document.createElement(tag), given, children);

export const svg = (tag, given = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), given, children);

/** A name that came from data: its direction of writing cannot turn around what stands beside it. */
export const named = (text) => el("bdi", {}, text);

/** Custom properties by the object model: the policy of the page refuses `style` attributes. */
export function styled(element, properties) {
  for (const [key, value] of Object.entries(properties)) element.style.setProperty(key, value);
  return element;
}

export const button = (text, onclick, given = {}) => el("button", { type: "button", onclick, ...given }, text);

let last = 0;

/** A label and its field, tied together. */
export function labelled(text, field, kind = "") {
  field.id ||= `field-${++last}`;
  return el("span", { class: `field ${kind}` }, el("label", { for: field.id }, text), field);
}

/** A list to choose from: `options` are [value, text] pairs. */
export function choice(options, chosen, onchange) {
  const made = el("select", { onchange: () => onchange?.(made.value) });
  made.append(...options.map(([value, text]) => el("option", { value, selected: value === chosen }, text)));
  return made;
}

/** A share as a person reads it; nothing that is not certain is called 100 %. */
export function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1\u202f%";
  if (share < 1 && share > 0.999) return "> 99.9\u202f%";
  return `${(100 * share).toFixed(1)}\u202f%`;
}

/** A number to some significant places. */
export const number = (value, places = 4) =>
  typeof value === "number" ? String(Number(value.toPrecision(places))).replace("-", "\u2212") : "\u2013";

export const plural = (n, one, many = `${one}s`) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
