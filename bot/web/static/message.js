// One message of the bot, and the turn that is writing one.

import { copy, h, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { render } from "./markdown.js";

/** A finished message: its text, where it comes from, and what can be done with it. */
export class BotMessage {
  #entry;
  #actions;
  #opinion = "none";
  #body = h("div", { class: "prose" });
  #tools = h("div", { class: "tools" });

  /** `actions`: cite(citations, number), rate(id, value), press(text) */
  constructor(entry, actions) {
    this.#entry = entry;
    this.#actions = actions;
    this.element = h("article", { class: `bot ${entry.kind ?? "answer"}`, "data-message": entry.id }, this.#body);
    this.show();
  }

  get text() {
    return this.#body.textContent;
  }

  /** Show everything anew: the language of the page may have changed. */
  show() {
    const { content = "", citations = [], actions = [], kind = "answer" } = this.#entry;
    const cite = (number) => this.#actions.cite(citations, number);
    render(this.#body, content, { numbers: new Set(citations.map((citation) => citation.number)), cite, fresh: true });
    this.element.replaceChildren(this.#body);
    if (citations.length) this.element.append(sources(citations, cite));
    if (actions.length) this.element.append(buttons(actions, this.#actions.press));
    if (kind === "answer") {
      this.element.append(this.#tools);
      this.#showTools();
    }
  }

  set opinion(value) {
    this.#opinion = value;
    this.#showTools();
  }

  #showTools() {
    const choose = (value) => () => this.#actions.rate(this.#entry.id, this.#opinion === value ? "none" : value);
    const pressed = (value) => ({ "aria-pressed": String(this.#opinion === value) });
    const copying = iconButton("copy", t("copyAnswer"), async () => {
      if (!(await copy(this.#entry.content ?? ""))) return;
      copying.replaceChildren(icon("done"));
      setTimeout(() => copying.replaceChildren(icon("copy")), 1500);
    });
    this.#tools.replaceChildren(
      copying,
      iconButton("up", t("helpful"), choose("up"), pressed("up")),
      iconButton("ill", t("unhelpful"), choose("down"), pressed("down")),
    );
  }
}

function sources(citations, cite) {
  const items = citations.map((citation) =>
    h(
      "button",
      { type: "button", class: "source", title: place(citation), onclick: () => cite(citation.number) },
      h("span", { class: "cite", "aria-hidden": "true", text: citation.number }),
      h("span", { class: "source-name", text: place(citation) }),
    ),
  );
  return h("div", { class: "sources", role: "group", "aria-label": t("sources") }, ...items);
}

const place = ({ title, position }) => (position ? `${title} › ${position}` : title);

function buttons(actions, press) {
  const items = actions.map((action) =>
    h("button", { type: "button", class: "choice", text: action.label, onclick: () => press(action.text) }),
  );
  return h("div", { class: "choices" }, ...items);
}

/** The answer while it is written: the text so far, or what is being done. */
export class LiveMessage {
  #text = "";
  #known = 0;
  #step = "";
  #frame = 0;
  #body = h("div", { class: "prose" });
  #status = h("p", { class: "status" });

  constructor(turn) {
    this.turn = turn;
    this.element = h("article", { class: "bot live", "aria-busy": "true" }, this.#body, this.#status);
    this.#show();
  }

  apply({ kind, text, offset }) {
    if (kind === "started") {
      this.#text = "";
      this.#known = 0;
    } else if (kind === "text") {
      // Where the beginning was missed, the final message brings it.
      const missed = offset > this.#known;
      this.#text = missed ? `${this.#text}…${text}` : this.#text.slice(0, this.#text.length - (this.#known - offset)) + text;
      this.#known = offset + [...text].length;
      this.#step = "";
    } else if (kind === "step") {
      this.#step = text;
    }
    this.#frame ||= requestAnimationFrame(() => this.#show());
  }

  #show() {
    this.#frame = 0;
    render(this.#body, this.#text);
    this.element.classList.toggle("writing", Boolean(this.#text) && !this.#step);
    this.#status.hidden = Boolean(this.#text) && !this.#step;
    this.#status.replaceChildren(dots(), h("span", { text: this.#step || t("thinking") }));
  }
}

/** Three dots that breathe. */
export function dots() {
  return h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
}

/** Questions to go on with, as buttons. */
export function questions(texts, ask, label) {
  const items = texts.map((text) =>
    h("button", { type: "button", class: "question", onclick: () => ask(text) }, h("span", { text }), icon("ask")),
  );
  return h("div", { class: "questions", role: "group", "aria-label": label }, ...items);
}
