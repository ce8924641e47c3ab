// The box to write in.

import { Tray } from "./files.js";
import { newId } from "./storage.js";

const HEIGHT_MAX = 200;
const form = document.getElementById("composer");
const text = document.getElementById("composer-text");
const sendButton = document.getElementById("send");
const stopButton = document.getElementById("stop");

/** Wire the box up; `submit(id, text, files)` and `stop()` are called. */
export class Composer {
  constructor({ submit, stop }) {
    this.tray = new Tray(() => this.#fit());
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (!this.#sendable) return;
      const written = text.value.trim();
      text.value = "";
      submit(newId(), written, this.tray.take());
      this.#fit();
    });
    text.addEventListener("input", () => this.#fit());
    text.addEventListener("paste", (event) => {
      if (this.tray.paste(event.clipboardData)) event.preventDefault();
    });
    text.addEventListener("keydown", (event) => {
      // While an input method composes, Enter chooses a word; Safari reports its last key with code 229.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      form.requestSubmit();
    });
    stopButton.addEventListener("click", stop);
    document.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !stopButton.hidden && !document.querySelector("dialog[open]")) stop();
    });
    this.#fit();
  }

  set busy(busy) {
    const focused = document.activeElement === stopButton;
    stopButton.hidden = !busy;
    if (focused && !busy) text.focus();
  }

  focus() {
    // On a phone the keyboard would cover half the page.
    if (matchMedia("(hover: hover)").matches) text.focus();
  }

  /** Put a text back into the box, for the person to change it or to attach its files again. */
  rewrite(written) {
    text.value = written;
    this.#fit();
    text.focus();
  }

  get #sendable() {
    return !this.tray.uploading && (this.tray.ready || text.value.trim() !== "");
  }

  #fit() {
    sendButton.disabled = !this.#sendable;
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, HEIGHT_MAX)}px`;
  }
}
