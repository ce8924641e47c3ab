// A conversation on the page: questions, each with its answers below it.

import { h, icon } from "./dom.js";
import { sentFiles } from "./files.js";
import { t } from "./i18n.js";
import { BotMessage, LiveMessage, dots, questions } from "./message.js";

// A question this old without an answer will not get one any more.
const PATIENCE_MS = 10 * 60_000;

/** A question of the person and everything that was answered to it. */
class Exchange {
  #state = "";
  reason = "";
  #status = h("p", { class: "delivery" });
  #follow = h("div", { class: "follow-ups" });
  answered = false;
  /** The server has the question: it is in the journal. */
  confirmed = false;

  /** `files`: `{name, size_bytes}` each, and their `id` where they can be named once more. */
  constructor(id, text, files, retry) {
    this.id = id;
    this.question = text;
    this.files = files;
    this.retry = retry;
    this.element = h("section", { class: "exchange", "data-exchange": id });
    if (text !== null) {
      const attached = files.length > 0 && sentFiles(files);
      const written = text !== "" && h("p", { text });
      const bubble = h("div", { class: "person" }, h("span", { class: "unseen", text: `${t("you")}: ` }), attached, written);
      this.element.append(bubble);
    }
    this.element.append(this.#status, this.#follow);
  }

  get state() {
    return this.#state;
  }

  /**
   * sending, unsent (it will be tried again), failed (it will not; `reason` names the text), waiting, unanswered,
   * again (it may be asked again), or empty.
   */
  setState(state, reason = "") {
    this.#state = state;
    this.reason = reason;
    this.element.dataset.state = state;
    this.#status.className = `delivery ${state}`;
    const parts = {
      sending: () => [h("span", { text: t("sending") })],
      unsent: () => [h("span", { text: t("waiting") }), this.#retryButton()],
      unanswered: () => [h("span", { text: t("unanswered") })],
      again: () => [this.#retryButton()],
      failed: () => [h("span", { text: t(reason || "notSent") }), this.#retryButton()],
      waiting: () => [dots(), h("span", { text: t("thinking") })],
    }[state];
    this.#status.replaceChildren(...(parts ? parts() : []));
  }

  #retryButton() {
    return h("button", { type: "button", class: "retry", onclick: () => this.retry(this) }, icon("retry"), h("span", { text: t("retry") }));
  }

  add(element) {
    this.#status.before(element);
  }

  suggest(element) {
    this.#follow.replaceChildren(...(element ? [element] : []));
  }
}

/** Builds the conversation from journal entries and live progress, in whatever order they come. */
export class Transcript {
  #root;
  #actions;
  #exchanges = new Map();
  #messages = new Map();
  #finished = new Set();
  #live = new Map();
  #suggestions = new Map();

  /** `actions`: ask(text), press(text), cite(citations, number), rate(id, value), retry(exchange), said(message) */
  constructor(root, actions) {
    this.#root = root;
    this.#actions = actions;
    root.replaceChildren();
  }

  get empty() {
    return this.#exchanges.size === 0;
  }

  /** True while something is being answered. */
  get busy() {
    return this.#live.size > 0 || [...this.#exchanges.values()].some((exchange) => exchange.state === "waiting");
  }

  /** Show a message that the person is sending. */
  sending(id, text, files) {
    const exchange = this.#exchange(id, text, files);
    exchange.setState("sending");
    return exchange;
  }

  get(id) {
    return this.#exchanges.get(id);
  }

  entry(fields, id) {
    if (fields.type === "person") this.#person(fields, id);
    else if (fields.type === "bot") this.#bot(fields);
    else if (fields.type === "opinion") this.#opinion(fields);
  }

  progress(progress) {
    const { turn, kind } = progress;
    if (this.#finished.has(turn)) return;
    let live = this.#live.get(turn);
    if (kind === "ended") {
      // The entry that replaces it comes at once; if it does not, nothing must seem to run for ever.
      if (live) setTimeout(() => this.#end(turn), 1500);
      return;
    }
    if (!live) {
      live = new LiveMessage(turn);
      this.#live.set(turn, live);
      const exchange = this.#home(progress.in_reply_to);
      exchange.setState("");
      exchange.add(live.element);
    }
    live.apply(progress);
  }

  /** Show everything in the language that the page speaks now. */
  translate() {
    for (const message of this.#messages.values()) message.show();
    for (const exchange of this.#exchanges.values()) exchange.setState(exchange.state, exchange.reason);
    for (const [id, texts] of this.#suggestions) this.#suggest(this.#exchanges.get(id), texts);
  }

  #person({ id, text, files }, entryId) {
    const exchange = this.#exchange(id, text, files);
    exchange.confirmed = true;
    if (exchange.answered || exchange.state === "waiting" || exchange.state === "failed") return;
    const recent = Date.now() - Number(entryId.split("-")[0]) < PATIENCE_MS;
    if (recent) exchange.setState("waiting");
    else exchange.setState("unanswered");
  }

  #bot(entry) {
    if (entry.kind === "suggestions") {
      const exchange = this.#homeOf(entry.amends);
      if (exchange) this.#suggest(exchange, entry.suggestions ?? []);
      return;
    }
    if (this.#messages.has(entry.id)) return;
    if (entry.turn) this.#finished.add(entry.turn);
    this.#end(entry.turn);
    const exchange = this.#home(entry.in_reply_to);
    const message = new BotMessage(entry, this.#actions);
    message.exchange = exchange;
    this.#messages.set(entry.id, message);
    exchange.add(message.element);
    if (entry.outcome === "busy") {
      exchange.setState("failed", "busy");
    } else {
      exchange.answered = true;
      this.#settle(exchange);
      if (entry.outcome === "failed" && exchange.question !== null) exchange.setState("again");
    }
    if (entry.suggestions?.length) this.#suggest(exchange, entry.suggestions);
    this.#actions.said(message);
  }

  #opinion({ message, value }) {
    const known = this.#messages.get(message);
    if (known) known.opinion = value;
  }

  #end(turn) {
    this.#live.get(turn)?.element.remove();
    this.#live.delete(turn);
  }

  /** An answer also settles the questions before it: quick messages may be answered as one. */
  #settle(exchange) {
    if (exchange.question === null) return;
    for (const other of this.#exchanges.values()) {
      if (other.state === "waiting" || other === exchange) other.setState("");
      if (other === exchange) return;
    }
  }

  #suggest(exchange, texts) {
    this.#suggestions.set(exchange.id, texts);
    exchange.suggest(texts.length ? questions(texts, this.#actions.ask, t("goOn")) : null);
  }

  #home(id) {
    return (id && this.#exchanges.get(id)) || this.#exchange(id || `alone-${this.#exchanges.size}`, null);
  }

  #homeOf(message) {
    return this.#messages.get(message)?.exchange;
  }

  #exchange(id, text, files = []) {
    const known = this.#exchanges.get(id);
    if (known) return known;
    const exchange = new Exchange(id, text, files, this.#actions.retry);
    this.#exchanges.set(id, exchange);
    this.#root.append(exchange.element);
    return exchange;
  }
}
