// The box to write in.

import { newId } from "./storage.js";

const HEIGHT_MAX = 200;
const form = document.getElementById("composer");
const text = document.getElementById("composer-text");
const sendButton = document.getElementById("send");
const stopButton = document.getElementById("stop");

/** Wire the box up; `submit(id, text)` and `stop()` are called. */
export class Composer {
  constructor({ submit, stop }) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const written = text.value.trim();
      if (!written) return;
      text.value = "";
      this.#fit();
      submit(newId(), written);
    });
    text.addEventListener("input", () => this.#fit());
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

  #fit() {
    sendButton.disabled = !text.value.trim();
    text.style.height = "auto";
    text.style.height = `${Math.min(text.scrollHeight, HEIGHT_MAX)}px`;
  }
}
