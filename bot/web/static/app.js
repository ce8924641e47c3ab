// The chat page: puts its parts together.

import { Events, Refused, bootstrap, pause, rate, send } from "./api.js";
import { Composer } from "./composer.js";
import { h, icon } from "./dom.js";
import { language, setLanguage, t, translate } from "./i18n.js";
import { render } from "./markdown.js";
import { questions } from "./message.js";
import { showSources } from "./sheet.js";
import { Sidebar } from "./sidebar.js";
import * as storage from "./storage.js";
import { Transcript } from "./transcript.js";

const NEAR_PX = 80;
const BANNER_MS = 1500;
const STOP = /^\s*[/／](stop|停止)\s*$/i;
const USE = /^\s*[/／](?:use|使用)\s+(\S+)\s*$/i;
const CLAIM = /^\s*[/／]claim\s/i;
const ID = /^[A-Za-z0-9_-]{8,64}$/;

const byId = (id) => document.getElementById(id);
const scroller = byId("scroller");

class Page {
  #assistants = [];
  #default = "";
  #conversation = "";
  #transcript = null;
  #events = null;
  #ready = false;
  #following = true;
  #top = 0;
  #banner = 0;

  constructor() {
    this.composer = new Composer({ submit: (id, text, files) => this.ask(text, id, "message", files), stop: () => this.stop() });
    this.sidebar = new Sidebar({ begin: () => this.begin(), remove: (id) => this.remove(id) });
    addEventListener("hashchange", () => this.open());
    addEventListener("offline", () => this.#connection("lost"));
    byId("toggle-language").addEventListener("click", () => this.translate(language === "zh" ? "en" : "zh"));
    byId("jump").addEventListener("click", () => this.#follow(true));
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#follow(this.#following)).observe(byId("transcript"));
    new ResizeObserver(() => this.#follow(this.#following)).observe(scroller);
  }

  async start() {
    for (const element of document.querySelectorAll("[data-icon]")) element.append(icon(element.dataset.icon));
    translate();
    this.sidebar.show("");
    for (let attempt = 0; ; attempt += 1) {
      try {
        const known = await bootstrap();
        this.#assistants = known.assistants;
        this.#default = known.assistant;
        this.composer.tray.limits = known.files;
        break;
      } catch {
        this.#connection("lost");
        await pause(attempt);
      }
    }
    this.#connection("open");
    this.open();
  }

  /** Show the conversation that the address names, or begin one. */
  open() {
    const id = location.hash.slice(1);
    if (!ID.test(id)) {
      this.begin();
      return;
    }
    if (id === this.#conversation) return;
    this.#events?.close();
    this.#conversation = id;
    this.#ready = false;
    this.#following = true;
    this.composer.tray.conversation = id;
    this.#transcript = new Transcript(byId("transcript"), {
      ask: (text) => this.ask(text, storage.newId(), "button"),
      press: (text) => this.ask(text, storage.newId(), "button"),
      cite: showSources,
      rate: (message, value) => this.#rate(id, message, value),
      retry: (exchange) => this.#again(id, exchange),
      said: (message) => this.#said(message),
    });
    this.#events = new Events(id, this.#handlers(this.#transcript));
    byId("welcome").hidden = true;
    this.#show();
    this.composer.focus();
  }

  begin() {
    const id = storage.newId();
    if (!this.#transcript) location.replace(`#${id}`);
    else if (!this.#ready || !this.#transcript.empty) location.hash = id;
    this.composer.focus();
  }

  remove(id) {
    storage.forget(id);
    if (id === this.#conversation) this.begin();
    this.sidebar.show(this.#conversation);
  }

  translate(chosen) {
    setLanguage(chosen);
    translate();
    this.#transcript?.translate();
    this.composer.tray.translate();
    this.#show();
  }

  /** Send what the person wrote or pressed. */
  ask(text, id = storage.newId(), kind = "message", files = []) {
    if (STOP.test(text) && !files.length) {
      this.stop();
      return;
    }
    const used = USE.exec(text)?.[1];
    storage.touch(this.#conversation, text || files[0].name, this.#assistants.some(({ name }) => name === used) ? used : undefined);
    storage.keep({ id, conversation: this.#conversation, text, kind, files });
    this.#deliver(this.#conversation, { id, text, kind, files });
    this.#follow(true);
  }

  #again(conversation, { id, question, files, state, reason }) {
    if (reason === "filesGone" || files.some((file) => !file.id)) {
      this.composer.rewrite(question);
      return;
    }
    if (state === "again") {
      this.ask(question, storage.newId(), "message", files);
      return;
    }
    storage.keep({ id, conversation, text: question, kind: "message", files });
    this.#deliver(conversation, { id, text: question, files });
  }

  stop() {
    this.#command(this.#conversation, "/stop");
  }

  async #command(conversation, text) {
    const message = { id: storage.newId(), text, kind: "command", language };
    try {
      await send(conversation, message);
    } catch {
      // The stop button stays where it is and can be pressed again.
    }
  }

  /** Send a message until the server has it; the same id makes every further try harmless. */
  async #deliver(conversation, { id, text, kind = "message", files = [] }) {
    const transcript = this.#transcript;
    const exchange = transcript.sending(id, text, files);
    this.#show();
    for (let attempt = 0; ; attempt += 1) {
      try {
        await send(conversation, { id, text, kind, language, files: files.map((file) => file.id) });
        storage.confirm(id);
        if (!exchange.answered && exchange.state !== "") exchange.setState("waiting");
        break;
      } catch (error) {
        if (error instanceof Refused && error.status === 401) await bootstrap().catch(() => null);
        else if (error instanceof Refused && error.status < 500) {
          storage.confirm(id);
          exchange.setState("failed", { 429: "busy", 413: "tooLong", 410: "filesGone" }[error.status]);
          break;
        }
        // Only the answer to the request was lost.
        if (exchange.confirmed) break;
        exchange.setState("unsent");
        await pause(attempt);
        if (transcript !== this.#transcript || exchange.state !== "unsent") return;
      }
    }
    this.#show();
  }

  /** Ask again what this person may do. */
  async #learn() {
    const known = await bootstrap().catch(() => null);
    if (known) this.composer.tray.limits = known.files;
  }

  async #rate(conversation, message, value) {
    try {
      await rate(conversation, message, value);
    } catch {
      this.#connection("lost");
    }
  }

  #handlers(transcript) {
    const showing = (show) => (...values) => {
      if (transcript === this.#transcript) show(...values);
    };
    return {
      entry: showing((fields, id) => {
        if (fields.type === "person") storage.confirm(fields.id);
        transcript.entry(fields, id);
        if (!this.#ready) return;
        this.#show();
        if (fields.type === "bot" && CLAIM.test(transcript.get(fields.in_reply_to)?.question ?? "")) this.#learn();
      }),
      progress: showing((progress) => {
        transcript.progress(progress);
        this.composer.busy = transcript.busy;
      }),
      ready: showing(() => this.#opened()),
      connection: showing((state) => this.#connection(state)),
      idle: () => !transcript.busy,
    };
  }

  /** Everything that was said is there; what this browser could not send before is sent now. */
  #opened() {
    const first = !this.#ready;
    this.#ready = true;
    if (first) {
      for (const message of storage.unsent(this.#conversation)) {
        if (!this.#transcript.get(message.id)) this.#deliver(this.#conversation, message);
      }
      byId("transcript").dataset.ready = "";
    }
    this.#show();
    if (first) this.#follow(true);
  }

  #said(message) {
    if (this.#ready) byId("announcer").textContent = message.text;
  }

  #show() {
    const empty = this.#ready && this.#transcript.empty;
    this.composer.busy = this.#transcript?.busy ?? false;
    byId("welcome").hidden = !empty;
    if (empty) this.#welcome();
    const assistant = this.#assistant();
    byId("title").textContent = assistant?.name ?? "Parley";
    byId("subtitle").textContent = assistant?.description ?? "";
    const known = storage.conversations().find(({ id }) => id === this.#conversation);
    document.title = known?.title ? `${known.title} · Parley` : "Parley";
    this.sidebar.show(this.#conversation);
  }

  #assistant() {
    const chosen = storage.conversations().find(({ id }) => id === this.#conversation)?.assistant ?? this.#default;
    return this.#assistants.find(({ name }) => name === chosen) ?? this.#assistants[0];
  }

  #welcome() {
    const assistant = this.#assistant();
    const opening = h("div", { class: "prose opening" });
    render(opening, assistant?.opening ?? "", { numbers: new Set() });
    const suggested = assistant?.questions ?? [];
    byId("welcome").replaceChildren(
      h("img", { src: "/static/icon.svg", alt: "", width: "52", height: "52" }),
      h("h2", { text: t("greeting") }),
      opening,
      ...(suggested.length ? [questions(suggested, (text) => this.ask(text, storage.newId(), "button"), t("tryAsking"))] : []),
      ...(this.#assistants.length > 1 ? [this.#picker(assistant)] : []),
    );
  }

  #picker(current) {
    const items = this.#assistants.map(({ name, description }) =>
      h(
        "button",
        { type: "button", class: "assistant", "aria-pressed": String(name === current.name), onclick: () => this.#use(name) },
        h("strong", { text: name }),
        h("span", { text: description }),
      ),
    );
    return h("div", { class: "assistants", role: "group", "aria-label": t("chooseAssistant") }, h("h3", { text: t("chooseAssistant") }), ...items);
  }

  #use(name) {
    if (name === this.#assistant().name) return;
    storage.touch(this.#conversation, "", name);
    this.#command(this.#conversation, `/use ${name}`);
    this.#show();
  }

  #connection(state) {
    const note = byId("connection");
    clearTimeout(this.#banner);
    if (state === "open" && navigator.onLine) {
      note.hidden = true;
      return;
    }
    this.#banner = setTimeout(() => {
      note.textContent = t(navigator.onLine ? "reconnecting" : "offline");
      note.hidden = false;
    }, BANNER_MS);
  }

  #scrolled() {
    const below = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
    // The event comes late: text may have grown below meanwhile. Only a reader moves up.
    const up = scroller.scrollTop < this.#top;
    this.#top = scroller.scrollTop;
    this.#following = below < NEAR_PX || (this.#following && !up);
    byId("jump").hidden = this.#following;
  }

  #follow(follow) {
    this.#following = follow;
    if (follow) scroller.scrollTop = scroller.scrollHeight;
    byId("jump").hidden = follow;
  }
}

new Page().start();
