// What is asked of the service: in parts that keep to its limits, again where it was busy, and never of another host.

const BUSY = new Set([429, 503]);
const TRIES = 8;
const PARTS = 2; // under way at a time: one is computed while the next is sent
const TOGETHER = 16; // inputs of a part at most, so that progress is seen and a stop is heard
const KEY = "warmstart-token";

/** Why something was not answered, in the words of the service. */
export class Refused extends Error {
  constructor({ kind = "error", found, expected = "", do: advice = "" }, status = 0) {
    super(found);
    Object.assign(this, { kind, found, expected, advice, status });
  }
}

const OFFLINE = { kind: "offline", found: "The service cannot be reached.", do: "see that it runs, then try again" };

function wait(seconds, signal) {
  return new Promise((done, failed) => {
    const timer = setTimeout(done, 1000 * seconds);
    signal?.addEventListener("abort", () => { clearTimeout(timer); failed(signal.reason); }, { once: true });
  });
}

async function refusal(response) {
  const told = await response.json().catch(() => null);
  const plain = { kind: "http", found: `The service answered ${response.status} ${response.statusText}`.trim() + "." };
  return new Refused(told?.error?.found ? told.error : plain, response.status);
}

export class Service {
  /** `askToken(wrong)` gives what a person types; it is kept for this tab alone. */
  constructor(askToken) {
    this.askToken = askToken;
    this.limits = {};
  }

  async model() {
    const model = await this.ask("v1/model");
    this.limits = model.limits ?? {};
    return model;
  }

  /** The JSON of an answer. Throws `Refused`, or what `signal` was stopped with. */
  async ask(path, { json, form, signal } = {}) {
    for (let tries = 1; ; tries++) {
      const response = await this.#send(path, { json, form, signal });
      if (response.ok) return response.json();
      if (response.status === 401) await this.#token();
      else if (BUSY.has(response.status) && tries < TRIES) {
        const after = Number(response.headers.get("Retry-After"));
        await wait(Math.min(after > 0 ? after : 2 ** (tries - 2), 10), signal);
      } else throw await refusal(response);
    }
  }

  async #send(path, { json, form, signal }) {
    this.sent = sessionStorage.getItem(KEY);
    const headers = this.sent ? { Authorization: `Bearer ${this.sent}` } : {};
    if (json !== undefined) headers["Content-Type"] = "application/json";
    const body = json === undefined ? form : JSON.stringify(json);
    try {
      return await fetch(path, { method: body === undefined ? "GET" : "POST", headers, body, signal });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw new Refused(OFFLINE);
    }
  }

  /** One dialog, however many requests were turned away. */
  async #token() {
    if (this.sent !== sessionStorage.getItem(KEY)) return;
    this.asking ??= this.askToken(this.sent !== null).finally(() => { this.asking = undefined; });
    const token = await this.asking;
    if (token === null) throw new Refused({ kind: "token", found: "The service wants a token.", do: "reload and type it" });
    sessionStorage.setItem(KEY, token);
  }

  /** Answers `items` part by part; `heard(item)` is called for each that has got its `row`, or why not in `refused`. */
  async answer(items, { heard, signal, options = {} }) {
    const parts = this.#parts(items, heard);
    const next = async () => {
      for (let part; (part = parts.shift()); ) await this.#answered(part, { heard, signal, options });
    };
    await Promise.all(Array.from({ length: PARTS }, next));
  }

  #parts(items, heard) {
    const most = this.limits.max_body ? 0.95 * this.limits.max_body : Infinity; // the rest is for what is around files
    const many = Math.min(this.limits.max_inputs ?? TOGETHER, TOGETHER);
    const parts = [];
    let size = Infinity;
    for (const item of items) {
      if (item.bytes > most) {
        const found = `${item.name} has ${megabytes(item.bytes)}, and the service takes ${megabytes(most)}.`;
        refuse(item, new Refused({ kind: "size", found, do: "make it smaller" }), heard);
        continue;
      }
      if (size + item.bytes > most || parts.at(-1).length >= many || item.whole) [size] = [0, parts.push([])];
      parts.at(-1).push(item);
      size += item.bytes;
    }
    return parts;
  }

  async #answered(part, { heard, signal, options }) {
    try {
      const { rows } = await this.ask("v1/predict", { ...body(part, options), signal });
      if (part[0].whole) [part[0].row, ...part[0].more] = rows;
      else if (rows.length !== part.length) throw new Refused({ found: `${part.length} were sent, ${rows.length} answered.` });
      part.forEach((item, i) => { item.row = rows[i]; heard(item); });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const alone = [413, 422].includes(error.status) && part.length > 1; // each is told what is wrong with itself
      if (!alone) return part.forEach((item) => refuse(item, error, heard));
      for (const item of part) await this.#answered([item], { heard, signal, options });
    }
  }

  explain(item, { label, method, signal }) {
    const options = Object.fromEntries(Object.entries({ label, method }).filter(([, value]) => value));
    if (item.file) return this.ask("v1/explain", { form: form([item], options), signal });
    const json = item.series ? { series: item.series } : { text: item.text };
    return this.ask("v1/explain", { json: { ...json, ...options }, signal });
  }
}

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

function refuse(item, error, heard) {
  item.refused = error;
  heard(item);
}

function form(items, options) {
  const made = new FormData();
  for (const item of items) made.append("files", item.file, item.name);
  for (const [key, value] of Object.entries(options)) made.append(key, value);
  return made;
}

function body(items, options) {
  if (items[0].file) return { form: form(items, options) };
  if (items[0].series) return { json: { series: items.map((item) => item.series), ...options } };
  return { json: { texts: items.map((item) => item.text), ...options } };
}
