// The answers: as cards or as a table, in an order and a choice of them, and as files.

import { doubts, outcome, summary } from "./answers.js";
import { card } from "./cards.js";
import { button, choice, el, labelled, named, percent, plural } from "./dom.js";
import { csvOf, jsonOf, save } from "./download.js";

const SHOWN = { cards: 48, table: 200 }; // at a time: a page of thousands of cards would not scroll
const MANY = 50; // inputs without a picture that are shown as a table at first
const ORDERS = [["given", "as given"], ["doubtful", "least sure first"], ["label", "by answer"]];

export class Results {
  constructor({ toolbar, answers, section, say, service, model }) {
    Object.assign(this, { toolbar, answers, section, say, service, model });
    this.clear();
    this.queue = Promise.resolve();
  }

  clear() {
    this.run?.abort(new Error("cleared"));
    for (const { url } of this.items ?? []) if (url) URL.revokeObjectURL(url);
    Object.assign(this, { items: [], view: "cards", order: "given", only: "", limit: SHOWN.cards, made: new Map() });
    this.toolbar.replaceChildren();
    this.answers.replaceChildren();
  }

  /** Shows what a person gave at once, and asks for the answers, behind what was given before. */
  send(items, options) {
    const first = !this.items.length;
    for (const item of items) {
      Object.assign(item, { options, url: item.file && this.model.kind === "image" ? URL.createObjectURL(item.file) : undefined });
      this.items.push(item);
    }
    if (first) {
      if (this.model.kind !== "image" && items.length >= MANY) [this.view, this.limit] = ["table", SHOWN.table];
      this.#bar();
    }
    this.#draw();
    const target = first ? this.section : this.made.get(items[0]);
    target?.scrollIntoView({ block: "start", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    return this.#ask(items);
  }

  #ask(items) {
    const wanted = items.filter((item) => !item.row && !item.refused);
    this.queue = this.queue.then(() => this.#answer(wanted));
    return this.queue;
  }

  async #answer(items) {
    const alive = items.filter((item) => this.items.includes(item));
    this.run = new AbortController();
    this.#progress(0, alive.length);
    if (alive.length) this.say(`Asking for ${plural(alive.length, "answer")} \u2026`);
    let heard = 0;
    const { signal } = this.run;
    try {
      const each = (item) => { this.#heard(item); this.#progress(++heard, alive.length); };
      await this.service.answer(alive, { heard: each, signal, options: alive[0]?.options });
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    this.run = null;
    if (!this.items.length) return;
    for (const item of alive) if (!item.row && !item.refused) item.stopped = true;
    this.#progress(null);
    this.#draw();
    this.say(summary(this.items) + (this.items.some((item) => item.stopped) ? " The rest was stopped." : ""));
  }

  /** One file may hold several series: each has an answer of its own. */
  #heard(item) {
    const more = (item.more ?? []).map((row, i) => ({ id: `${item.id}-${i + 1}`, name: row.input, row, options: item.options }));
    if (more.length) this.items.splice(this.items.indexOf(item) + 1, 0, ...more);
    const old = this.made.get(item);
    if (old?.isConnected && this.view === "cards") old.replaceWith(this.#card(item));
  }

  /** Its card: the one that stands, with what was opened in it, unless there is news. */
  #card(item) {
    const state = `${Boolean(item.row)}/${Boolean(item.refused)}/${Boolean(item.stopped)}`;
    if (this.made.get(item)?.dataset.state !== state) {
      this.made.set(item, card(item, this));
      this.made.get(item).dataset.state = state;
    }
    return this.made.get(item);
  }

  #again() {
    const open = this.items.filter((item) => item.stopped || again(item));
    for (const item of open) Object.assign(item, { stopped: false, refused: undefined });
    this.#draw();
    this.#ask(open);
  }

  #bar() {
    const set = (key) => (value) => { this[key] = value; this.limit = SHOWN[this.view]; this.#draw(); };
    this.bar = {
      words: el("p", { class: "summary" }),
      progress: el("progress", { "aria-label": "Answered" }),
      stop: button("Stop", () => this.run?.abort(new Error("stopped"))),
      again: button("Ask again", () => this.#again(), { class: "primary" }),
      only: choice([["", "all"]], "", set("only")),
      cards: button("Cards", () => set("view")("cards")),
      table: button("Table", () => set("view")("table")),
    };
    const file = (end) => `${this.model.name.replace(/[^\p{L}\p{N}._-]+/gu, "-") || "answers"}-answers.${end}`;
    this.toolbar.replaceChildren(
      el("div", { class: "told" }, this.bar.words, this.bar.progress, this.bar.stop, this.bar.again),
      el("div", { class: "tools" },
        el("div", { class: "switch", role: "group", "aria-label": "Show answers as" }, this.bar.cards, this.bar.table),
        labelled("Show", this.bar.only), labelled("Order", choice(ORDERS, this.order, set("order"))),
        el("span", { class: "files" },
          button("Download CSV", () => save(file("csv"), "text/csv", csvOf(this.items))),
          button("JSON", () => save(file("json"), "application/json", jsonOf(this.items, this.model)), { "aria-label": "Download JSON" }),
          button("Clear", () => { this.clear(); this.say("Cleared."); document.querySelector("#composer button, #composer textarea")?.focus(); }, { class: "quiet" }))),
    );
    this.#progress(null);
  }

  #progress(done, of = 1) {
    if (!this.items.length) return;
    const running = done !== null;
    this.bar.progress.hidden = this.bar.stop.hidden = !running;
    if (running) Object.assign(this.bar.progress, { max: Math.max(of, 1), value: done });
    this.bar.words.textContent = running ? `${done} of ${of} answered` : summary(this.items);
    this.bar.again.hidden = running || !this.items.some((item) => item.stopped || again(item));
  }

  #chosen() {
    const known = (item) => outcome(item);
    const kept = this.items.filter((item) => {
      const { failed, view } = known(item);
      if (this.only === "failed") return failed;
      if (this.only === "doubtful") return view && doubts(item.row, view).length;
      return !this.only || view?.group === this.only.slice(1);
    });
    const sure = (item) => known(item).view?.share ?? (item.row?.unknown ? -1 : 2);
    if (this.order === "doubtful") kept.sort((a, b) => sure(a) - sure(b));
    if (this.order === "label") kept.sort((a, b) => (known(a).view?.headline ?? "~").localeCompare(known(b).view?.headline ?? "~", "en", { numeric: true }));
    return kept;
  }

  #choices() {
    const counts = new Map();
    let [failed, doubtful] = [0, 0];
    for (const item of this.items) {
      const { failed: no, view } = outcome(item);
      failed += no;
      doubtful += Boolean(view && doubts(item.row, view).length);
      if (view?.group) counts.set(view.group, (counts.get(view.group) ?? 0) + 1);
    }
    const groups = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 100).map(([name, n]) => [`=${name}`, `${name} (${n})`]);
    const special = [[doubtful, "doubtful", "doubtful"], [failed, "failed", "without an answer"]];
    const options = [["", `all (${this.items.length})`], ...special.filter(([n]) => n).map(([n, key, words]) => [key, `${words} (${n})`]), ...groups];
    if (!options.some(([value]) => value === this.only)) this.only = "";
    this.bar.only.replaceChildren(...options.map(([value, text]) => el("option", { value, selected: value === this.only }, text)));
  }

  #draw() {
    this.#choices();
    this.bar.cards.setAttribute("aria-pressed", String(this.view === "cards"));
    this.bar.table.setAttribute("aria-pressed", String(this.view === "table"));
    const chosen = this.#chosen();
    const some = chosen.slice(0, this.limit);
    const rest = chosen.length - some.length;
    const more = rest > 0 ? button(`Show ${Math.min(rest, SHOWN[this.view])} more of ${rest}`, () => { this.limit += SHOWN[this.view]; this.#draw(); }, { class: "more" }) : "";
    this.answers.replaceChildren(this.view === "table" ? this.#table(some) : this.#cards(some), more);
  }

  #cards(items) {
    const scenes = ["detect", "segment"].includes(this.model.task) ? "scenes" : "";
    return el("div", { class: `cards ${this.model.kind} ${scenes}` }, items.map((item) => this.#card(item)));
  }

  #table(items) {
    const row = (item, i) => {
      const { failed, view, words } = outcome(item);
      const open = button("", () => this.#open(item), { class: "link" });
      open.append(named(item.name));
      const thumb = item.url ? el("img", { src: item.url, alt: "", loading: "lazy", class: "thumb" }) : null;
      const text = item.text === undefined ? null : el("span", { class: "soft clip" }, item.text.slice(0, 160));
      return el("tr", { class: failed ? "failed" : null },
        el("td", { class: "num soft" }, i + 1), el("th", { scope: "row" }, el("span", { class: "who" }, thumb, el("span", {}, open, text))),
        el("td", {}, view ? named(view.headline) : failed ? "no answer" : "\u2026"),
        el("td", { class: "num" }, view?.share === null || !view ? "" : percent(view.share)),
        el("td", { class: "soft" }, failed ? words : view ? doubts(item.row, view).join(" ") : ""));
    };
    const titles = ["", "Input", "Answer", "Probability", "Note"];
    const head = titles.map((text) => el("th", { scope: "col", class: text === "Probability" ? "num" : null }, text || el("span", { class: "unseen" }, "Number")));
    return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of answers" },
      el("table", { class: "plain answers" }, el("thead", {}, el("tr", {}, head)), el("tbody", {}, items.map(row))));
  }

  #open(item) {
    const dialog = el("dialog", { class: "one", "aria-label": `Answer for ${item.name}` });
    const close = button("Close", () => dialog.close(), { class: "quiet close" });
    dialog.append(close, card(item, this));
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }
}

/** Whether asking once more may help: the service was away or busy, and did not refuse the input itself. */
const again = ({ refused }) => refused && (["offline", "token"].includes(refused.kind) || refused.status >= 500 || [408, 429].includes(refused.status));
