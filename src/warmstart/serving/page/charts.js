// Lines of series, what was forecast, boxes and masks: drawn over what was sent, at any width.

import { el, named, number, percent, plural, styled, svg } from "./dom.js";

const CHANNELS = 6;
const POINTS = 600; // what a phone can show; of more steps the extremes are kept
const HIGH = 64;
const known = (value) => typeof value === "number" && Number.isFinite(value);

/** Extremes of `values` in at most `POINTS` places, each with its step, so that no peak is lost. */
function thinned(values) {
  const stride = Math.ceil((2 * values.length) / POINTS);
  if (stride <= 2) return values.map((value, i) => [i, value]);
  const found = [];
  for (let from = 0; from < values.length; from += stride) {
    const some = values.slice(from, from + stride).flatMap((value, i) => (known(value) ? [[from + i, value]] : []));
    if (!some.length) { found.push([from, null]); continue; }
    const ends = [some.reduce((a, b) => (b[1] < a[1] ? b : a)), some.reduce((a, b) => (b[1] > a[1] ? b : a))];
    found.push(...ends.sort((a, b) => a[0] - b[0]));
  }
  return found;
}

const extent = (rows) => {
  let [low, high] = [Infinity, -Infinity];
  for (const row of rows) for (const value of row) if (known(value)) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return low > high ? [0, 1] : low === high ? [low - 1, high + 1] : [low, high];
};

function scales([low, high], steps) {
  const x = (step) => (steps < 2 ? 50 : (100 * step) / (steps - 1)).toFixed(2);
  const y = (value) => (HIGH - 3 - ((HIGH - 6) * (value - low)) / (high - low)).toFixed(2);
  return { x, y };
}

function path(values, { x, y }, first = 0) {
  let pen = "M";
  return thinned(values).map(([step, value]) => {
    if (!known(value)) { pen = "M"; return ""; }
    const point = `${pen}${x(first + step)} ${y(value)}`;
    pen = "L";
    return point;
  }).join("");
}

const plot = (label, ...marks) =>
  svg("svg", { viewBox: `0 0 100 ${HIGH}`, preserveAspectRatio: "none", role: "img", "aria-label": label, class: "plot" }, marks);

const framed = ([low, high], drawing, name) =>
  el("div", { class: "chart" }, name ? el("span", { class: "channel" }, name) : null,
    el("span", { class: "top" }, number(high, 3)), drawing, el("span", { class: "bottom" }, number(low, 3)));

/** Each channel of a series (channels, steps) as a line; below it what speaks for (up) and against (down) an answer. */
export function lineChart(series, weights) {
  const steps = Math.max(...series.map((values) => values.length));
  const most = weights ? Math.max(...weights.flat().map(Math.abs)) || 1 : 0;
  const drawn = series.slice(0, CHANNELS).map((values, k) => {
    const ends = extent([values]);
    const name = series.length > 1 ? `channel ${k + 1}` : "";
    const label = `${name || "Series"} of ${plural(steps, "step")}, from ${number(ends[0])} to ${number(ends[1])}`;
    const line = svg("path", { d: path(values, scales(ends, steps)), class: "line" });
    return [framed(ends, plot(label, line), name), weights?.[k] ? strip(weights[k], most) : null];
  });
  const left = series.length - CHANNELS;
  return el("div", { class: "charts" }, drawn, left > 0 ? el("p", { class: "soft" }, `and ${plural(left, "more channel")}`) : null);
}

function strip(weights, most) {
  const wide = 100 / weights.length;
  const bars = weights.flatMap((weight, i) => {
    const high = (14 * Math.abs(weight)) / most;
    if (high < 0.2) return [];
    return [svg("rect", { x: (i * wide).toFixed(3), width: wide.toFixed(3), y: (weight > 0 ? 15 - high : 15).toFixed(2), height: high.toFixed(2), class: weight > 0 ? "for" : "against" })];
  });
  return el("div", { class: "strip" }, svg("svg", { viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" },
    bars, svg("path", { d: "M0 15H100", class: "zero" })));
}

/** A forecast behind the last steps of what it goes on from, within its outermost quantiles. */
export function forecastChart(row, past = []) {
  const recent = past.slice(-3 * row.forecast.length);
  const levels = Object.keys(row.quantiles).sort((a, b) => a - b);
  const [low, high] = [row.quantiles[levels[0]], row.quantiles[levels.at(-1)]];
  const ends = extent([recent, low, high]);
  const scale = scales(ends, recent.length + row.forecast.length);
  const first = recent.length;
  const around = [...high.map((v, i) => [i, v]), ...low.map((v, i) => [i, v]).reverse()];
  const band = `M${around.map(([i, v]) => `${scale.x(first + i)} ${scale.y(v)}`).join("L")}Z`;
  const label = `Forecast of ${plural(row.forecast.length, "step")}, from ${number(Math.min(...row.forecast))} to ${number(Math.max(...row.forecast))}`;
  const drawing = plot(label, svg("path", { d: band, class: "band" }), svg("path", { d: path(recent, scale), class: "line past" }), svg("path", { d: path(row.forecast, scale, first), class: "line" }));
  return el("figure", {}, framed(ends, drawing), el("figcaption", {}, `${row.times[0]} to ${row.times.at(-1)}; the band is from the ${percent(levels[0])} to the ${percent(levels.at(-1))} quantile`));
}

const hue = (k) => `var(--class-${k % 8})`;

/** Boxes over an image, each in its class's colour with its name; `place` has the shape of the image. */
export function boxesOver(place, row, classes, least) {
  const [width, height] = row.size;
  const drawn = row.boxes.filter(({ score }) => score >= least).map(({ label, score, box: [left, top, right, bottom] }) =>
    styled(el("div", { class: top / height < 0.08 ? "box under" : "box" }, el("span", {}, named(label), ` ${percent(score)}`)), {
      left: `${(100 * left) / width}%`, top: `${(100 * top) / height}%`,
      width: `${(100 * (right - left)) / width}%`, height: `${(100 * (bottom - top)) / height}%`,
      "--hue": hue(classes.indexOf(label)),
    }));
  place.replaceChildren(...drawn);
}

/** Marks the classes of a mask (a PNG whose values are their numbers) over an image, in the colours of the bars. */
export async function maskOver(canvas, address) {
  const picture = Object.assign(new Image(), { src: address }); // the policy of the page lets no script fetch `data:`
  await picture.decode();
  Object.assign(canvas, { width: picture.naturalWidth, height: picture.naturalHeight });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  const colours = Array.from({ length: 8 }, (_, k) => rgb(`--class-${k}`));
  for (let i = 0; i < pixels.data.length; i += 4) pixels.data.set([...colours[pixels.data[i] % 8], 255], i);
  context.putImageData(pixels, 0, 0);
}

/** Red, green and blue of a colour of the style sheet, which has them as #rrggbb. */
function rgb(name) {
  const code = parseInt(getComputedStyle(document.documentElement).getPropertyValue(name).trim().slice(1), 16);
  return [code >> 16, (code >> 8) & 255, code & 255];
}

/** What speaks for an answer, from clear to opaque, and against it in another colour, enlarged without steps. */
export function heatOver(canvas, map) {
  const [high, wide] = [map.length, map[0].length];
  const sizes = map.flat().map(Math.abs).sort((a, b) => a - b);
  const most = sizes[Math.floor(0.995 * (sizes.length - 1))] || sizes.at(-1) || 1;
  Object.assign(canvas, { width: wide, height: high });
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(wide, high);
  map.flat().forEach((weight, i) => {
    const colour = weight > 0 ? [255, 120, 30] : [40, 120, 255];
    pixels.data.set([...colour, 255 * Math.min(1, Math.abs(weight) / most) ** 0.7], 4 * i);
  });
  context.putImageData(pixels, 0, 0);
}

export const classHue = hue;
