// Files that the person attaches: each is sent at once, and the next message names those that have arrived.

import { Refused, discard, upload } from "./api.js";
import { h, icon, iconButton } from "./dom.js";
import { language, t } from "./i18n.js";

const NOTE_MS = 8000;
const REASONS = { 403: "onlyAdministrators", 413: "fileTooLarge", 429: "tooManyUploads" };
const byId = (id) => document.getElementById(id);
const list = byId("tray");
const note = byId("files-note");
const attachButton = byId("attach");
const input = byId("file-input");
const zone = document.querySelector(".main");

/** Return a size for people. */
export function sizeOf(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let power = 0;
  for (; bytes >= 999.5 && power < units.length - 1; power += 1) bytes /= 1000;
  const digits = power && bytes < 10 ? 1 : 0;
  return `${bytes.toLocaleString(language, { maximumFractionDigits: digits })} ${units[power]}`;
}

/** A name whose ending is seen also where there is no room for all of it. */
function nameOf(name) {
  const ending = /.(\.\w{1,5})$/.exec(name)?.[1] ?? "";
  const stem = h("span", { class: "file-stem", text: name.slice(0, name.length - ending.length) });
  return h("span", { class: "file-name" }, stem, h("span", { text: ending }));
}

/** The files of a message that was sent, `{name, size_bytes}` each. */
export function sentFiles(files) {
  const chips = files.map(({ name, size_bytes: bytes }) =>
    h(
      "li",
      { class: "file", title: name },
      icon("file"),
      nameOf(name),
      h("span", { class: "file-size", text: sizeOf(bytes ?? 0) }),
    ),
  );
  return h("ul", { class: "files", "aria-label": t("files") }, ...chips);
}

/** One attached file and how far it has got. */
class Item {
  state = "uploading";
  id = "";
  #reason = "";
  #transfer = null;
  #bar = h("progress", { max: "1", value: "0" });
  #detail = h("span", { class: "file-size" });
  #buttons = h("span", { class: "file-buttons" });

  /** `actions`: changed(), limit() → bytes, remove(item), forbidden() */
  constructor(file, actions) {
    this.file = file;
    this.actions = actions;
    this.element = h("li", { class: "file", title: file.name }, icon("file"), nameOf(file.name), this.#detail, this.#buttons, this.#bar);
  }

  /** Send the file to a conversation; one that was sent to another before is forgotten there. */
  async send(conversation) {
    this.drop();
    this.conversation = conversation;
    this.#become("uploading");
    if (this.file.size > this.actions.limit()) {
      this.#become("failed", "fileTooLarge");
      return;
    }
    const transfer = upload(conversation, this.file, (share) => this.#advance(share));
    this.#transfer = transfer;
    try {
      const { id } = await transfer.done;
      if (transfer !== this.#transfer) return;
      this.id = id;
      this.#become("ready");
    } catch (error) {
      if (transfer !== this.#transfer) return;
      if (error instanceof Refused && error.status === 403) this.actions.forbidden();
      this.#become("failed", (error instanceof Refused && REASONS[error.status]) || "uploadFailed");
    }
  }

  /** Break the upload off, or forget the file on the server. */
  drop() {
    const transfer = this.#transfer;
    this.#transfer = null;
    transfer?.abort();
    if (this.id) discard(this.conversation, this.id).catch(() => null); // else it expires
    this.id = "";
  }

  /** Let go of a file that a message names now. */
  release() {
    this.#transfer = null;
    return { id: this.id, name: this.file.name, size_bytes: this.file.size };
  }

  show() {
    const failed = this.state === "failed";
    const values = { name: this.file.name, limit: sizeOf(this.actions.limit()) };
    this.element.dataset.state = this.state;
    this.#bar.hidden = this.state !== "uploading";
    this.#bar.setAttribute("aria-label", t("uploading", values));
    this.#detail.textContent = failed ? t(this.#reason, values) : sizeOf(this.file.size);
    const remove = iconButton("close", t("removeFile", values), () => this.actions.remove(this));
    const again = failed && this.#reason === "uploadFailed";
    const retry = again && iconButton("retry", t("uploadAgain", values), () => this.send(this.conversation));
    this.#buttons.replaceChildren(...(retry ? [retry, remove] : [remove]));
  }

  focus() {
    this.#buttons.lastElementChild.focus();
  }

  #advance(share) {
    this.#bar.value = share;
  }

  #become(state, reason = "") {
    this.state = state;
    this.#reason = reason;
    this.#bar.value = 0;
    this.show();
    const values = { name: this.file.name, limit: sizeOf(this.actions.limit()) };
    if (state !== "uploading") byId("announcer").textContent = t(state === "ready" ? "uploaded" : reason, values);
    this.actions.changed();
  }
}

/** The files above the box to write in: chosen, dropped on the page, or pasted. */
export class Tray {
  #items = [];
  #limits = null;
  #conversation = "";
  #changed;
  #timer = 0;

  /** `changed()` is called when what may be sent has changed. */
  constructor(changed) {
    this.#changed = changed;
    attachButton.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      this.add([...input.files]);
      input.value = "";
    });
    for (const kind of ["dragenter", "dragover"]) zone.addEventListener(kind, (event) => this.#over(event));
    zone.addEventListener("dragleave", (event) => {
      if (!zone.contains(event.relatedTarget)) zone.classList.remove("dropping");
    });
    zone.addEventListener("drop", (event) => this.#dropped(event));
  }

  /** What may be sent, `{max_bytes, max_count}`; null where this person may send nothing. */
  set limits(limits) {
    this.#limits = limits;
    attachButton.hidden = !limits;
  }

  /** Where files go from now on; those that are attached already move along. */
  set conversation(id) {
    if (id === this.#conversation) return;
    this.#conversation = id;
    for (const item of this.#items) item.send(id);
  }

  get uploading() {
    return this.#items.some(({ state }) => state === "uploading");
  }

  get ready() {
    return this.#items.some(({ state }) => state === "ready");
  }

  add(files) {
    if (!files.length) return;
    if (!this.#limits) {
      this.#tell("onlyAdministrators");
      return;
    }
    const room = this.#limits.max_count - this.#items.length;
    if (files.length > room) this.#tell("tooManyFiles", { count: this.#limits.max_count });
    for (const file of files.slice(0, Math.max(0, room))) {
      const item = new Item(file, {
        changed: () => this.#show(),
        limit: () => this.#limits?.max_bytes ?? 0,
        remove: (removed) => this.#remove(removed),
        forbidden: () => (this.limits = null),
      });
      this.#items.push(item);
      list.append(item.element);
      item.send(this.#conversation);
    }
  }

  /** Take in what was pasted; returns false where that is text. */
  paste(data) {
    if (!data?.files.length || data.types.includes("text/plain")) return false;
    this.add([...data.files]);
    return true;
  }

  /** Return the files that have arrived, for a message; those that failed stay, so that nothing is lost unseen. */
  take() {
    const ready = this.#items.filter(({ state }) => state === "ready");
    for (const item of ready) this.#forget(item);
    this.#show();
    return ready.map((item) => item.release());
  }

  translate() {
    for (const item of this.#items) item.show();
  }

  #remove(item) {
    const place = this.#items.indexOf(item);
    item.drop();
    this.#forget(item);
    this.#show();
    const next = this.#items[place] ?? this.#items[place - 1];
    if (next) next.focus();
    else attachButton.focus();
  }

  #forget(item) {
    this.#items = this.#items.filter((other) => other !== item);
    item.element.remove();
  }

  #show() {
    list.hidden = !this.#items.length;
    this.#changed();
  }

  #tell(text, values) {
    clearTimeout(this.#timer);
    note.textContent = t(text, values);
    note.hidden = false;
    this.#timer = setTimeout(() => (note.hidden = true), NOTE_MS);
  }

  #over(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = this.#limits ? "copy" : "none";
    if (this.#limits) zone.classList.add("dropping");
  }

  #dropped(event) {
    zone.classList.remove("dropping");
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const items = [...event.dataTransfer.items].filter(({ kind }) => kind === "file");
    const files = items.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory).map((item) => item.getAsFile());
    if (files.length < items.length) this.#tell("noFolders");
    this.add(files.filter(Boolean));
  }
}
