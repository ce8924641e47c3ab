// The sheet that shows where an answer comes from.

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { link, safeAddress } from "./inline.js";
import { render } from "./markdown.js";

const sheet = document.getElementById("sources");
const list = document.getElementById("source-list");

document.getElementById("close-sources").addEventListener("click", () => sheet.close());
sheet.addEventListener("click", (event) => {
  // A click on the backdrop is one on the dialog itself, outside its box.
  if (event.target === sheet) sheet.close();
});

/** Open the sheet with an answer's citations, at the one with `number`. */
export function showSources(citations, number) {
  list.replaceChildren(...citations.map((citation) => item(citation, citation.number === number)));
  if (!sheet.open) sheet.showModal();
  const chosen = list.querySelector(".chosen");
  chosen?.focus({ preventScroll: true });
  chosen?.scrollIntoView({ block: "nearest" });
}

function item(citation, chosen) {
  const excerpt = h("blockquote", { class: "prose excerpt" });
  render(excerpt, citation.excerpt ?? "", { numbers: new Set() });
  const head = h(
    "div",
    { class: "source-head" },
    h("span", { class: "cite", text: citation.number }),
    h("div", {}, h("h3", { text: citation.title }), citation.position ? h("p", { class: "position", text: citation.position }) : null),
  );
  const attributes = { class: chosen ? "chosen" : "", tabindex: "-1", "aria-current": chosen ? "true" : null };
  return h("li", attributes, head, citation.excerpt ? excerpt : null, origin(citation.source));
}

function origin(source) {
  const address = safeAddress(source);
  if (!address) return h("p", { class: "origin" }, h("code", { text: source }));
  return h("p", { class: "origin" }, link(address, icon("open"), h("span", { text: t("openSource") })));
}
