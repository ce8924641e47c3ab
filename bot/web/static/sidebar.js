// The list of conversations, and the page's preferences.

import { h, icon, iconButton } from "./dom.js";
import { t } from "./i18n.js";
import { conversations } from "./storage.js";

const sidebar = document.getElementById("sidebar");
const backdrop = document.getElementById("backdrop");
const opener = document.getElementById("open-sidebar");
const list = document.getElementById("conversations");
const themeButton = document.getElementById("toggle-theme");
const wide = matchMedia("(min-width: 860px)");

/** Wire the sidebar up; `begin()` and `remove(id)` are called, and links change the page's address. */
export class Sidebar {
  #remove;
  #current = "";

  constructor({ begin, remove }) {
    this.#remove = remove;
    for (const id of ["new-conversation", "new-conversation-narrow"]) {
      document.getElementById(id).addEventListener("click", () => {
        this.close();
        begin();
      });
    }
    opener.addEventListener("click", () => this.#open(true));
    document.getElementById("close-sidebar").addEventListener("click", () => this.close());
    backdrop.addEventListener("click", () => this.close());
    sidebar.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    wide.addEventListener("change", () => this.#open(false));
    themeButton.addEventListener("click", switchTheme);
    document.addEventListener("themechange", showTheme);
    addEventListener("storage", () => this.show(this.#current));
    this.#open(false);
    showTheme();
  }

  show(current) {
    this.#current = current;
    const items = conversations().map((conversation) => this.#item(conversation));
    list.replaceChildren(...(items.length ? items : [h("li", { class: "none", text: t("empty") })]));
  }

  close() {
    this.#open(false);
  }

  #item({ id, title }) {
    const chosen = id === this.#current;
    const name = title || t("untitled");
    const anchor = h("a", { href: `#${id}`, title: name, "aria-current": chosen ? "page" : null, text: name, onclick: () => this.close() });
    const remove = iconButton("trash", `${t("remove")}: ${name}`, () => this.#remove(id));
    return h("li", { class: chosen ? "chosen" : "" }, anchor, remove);
  }

  #open(open) {
    const focused = sidebar.contains(document.activeElement);
    sidebar.classList.toggle("open", open);
    backdrop.hidden = !open;
    // What is out of sight must be out of reach for the keyboard too.
    sidebar.inert = !open && !wide.matches;
    opener.setAttribute("aria-expanded", String(open));
    if (open) document.getElementById("close-sidebar").focus();
    else if (focused && !wide.matches) opener.focus();
  }
}

function switchTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("parley.theme", next);
  document.dispatchEvent(new Event("themewanted"));
}

function showTheme() {
  themeButton.replaceChildren(icon(document.documentElement.dataset.theme === "dark" ? "sun" : "moon"));
}
