// The inside of a line: emphasis, code, links and citations, as text nodes and elements.

import { h } from "./dom.js";
import { t } from "./i18n.js";

const SAFE = new Set(["http:", "https:", "mailto:"]);
const DEPTH_MAX = 10;
const LABEL_MAX = 2000;
const PUNCTUATION = /[!-/:-@[-`{-~]/;
const WORD = /[\p{L}\p{N}_]/u;
const BARE = /https?:\/\/[^\s<>"'`，。；：！？、（）【】《》「」]+/y;
const ANGLED = /<((?:https?:\/\/|mailto:)[^\s<>]+)>/y;
const CITATION = /\[(\d{1,3}(?:\s*[,，、]\s*\d{1,3})*)\](?!\()/y;
const EMPHASIS = [
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "s"],
  ["*", "em"],
  ["_", "em"],
];

/** Return the address if a click on it is harmless, else null. */
export function safeAddress(text) {
  try {
    const address = new URL(text);
    return SAFE.has(address.protocol) ? address.href : null;
  } catch {
    return null;
  }
}

/** Return a link that leaves the page without telling where from. */
export function link(address, ...children) {
  return h("a", { href: address, title: address, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

/**
 * Return the nodes of a line of Markdown.
 *
 * `options.numbers` are the citations that exist, `options.cite(number)` opens one; before the numbers are known
 * (while the answer is written), every [number] is shown as a chip that does nothing.
 */
export function inline(text, options = {}, depth = 0) {
  const state = { text, options, depth, nodes: [], plain: "", missing: new Set() };
  let at = 0;
  while (at < text.length) at = step(state, at);
  flush(state);
  return state.nodes;
}

function step(state, at) {
  const { text } = state;
  const rules = RULES[text[at]];
  if (rules && state.depth < DEPTH_MAX) {
    for (const rule of rules) {
      const found = rule(state, at);
      if (found) {
        flush(state);
        state.nodes.push(...found.nodes);
        return found.end;
      }
    }
  }
  state.plain += text[at];
  return at + 1;
}

function flush(state) {
  if (state.plain) state.nodes.push(document.createTextNode(state.plain));
  state.plain = "";
}

function escaped({ text }, at) {
  const next = text[at + 1];
  if (next === "\n") return { nodes: [h("br")], end: at + 2 };
  return next && PUNCTUATION.test(next) ? { nodes: [document.createTextNode(next)], end: at + 2 } : null;
}

function lineBreak(state, at) {
  state.plain = state.plain.replace(/ +$/, "");
  // People and models press Enter where they want a new line.
  return { nodes: [h("br")], end: at + 1 };
}

function code(state, at) {
  const { text, missing } = state;
  const ticks = /`+/y;
  ticks.lastIndex = at;
  const mark = ticks.exec(text)[0];
  const none = { nodes: [document.createTextNode(mark)], end: at + mark.length };
  if (missing.has(mark)) return none;
  const close = new RegExp(`(?<!\`)${mark}(?!\`)`, "g");
  close.lastIndex = at + mark.length;
  const end = close.exec(text)?.index;
  if (end === undefined) {
    missing.add(mark);
    return none;
  }
  const inside = text.slice(at + mark.length, end).replace(/\n/g, " ");
  const trimmed = /^ .*[^ ].* $/.test(inside) ? inside.slice(1, -1) : inside;
  return { nodes: [h("code", { text: trimmed })], end: end + mark.length };
}

function emphasis(state, at) {
  for (const [mark, tag] of EMPHASIS) {
    if (state.text.startsWith(mark, at)) {
      const end = closing(state, at, mark);
      if (end > 0) {
        const inside = inline(state.text.slice(at + mark.length, end), state.options, state.depth + 1);
        return { nodes: [h(tag, {}, ...inside)], end: end + mark.length };
      }
    }
  }
  return null;
}

/** Where the mark at `at` is closed, or -1. Chinese has no spaces between words: only the inside must not begin or end with one. */
function closing({ text, missing }, at, mark) {
  const begin = at + mark.length;
  if (missing.has(mark) || /\s/.test(text[begin] ?? " ")) return -1;
  if (mark[0] === "_" && WORD.test(text[at - 1] ?? "")) return -1;
  for (let end = text.indexOf(mark, begin + 1); end > 0; end = text.indexOf(mark, end + 1)) {
    if (/\s/.test(text[end - 1]) || text[end - 1] === "\\") continue;
    if (mark.length === 1 && (text[end + 1] === mark || text[end - 1] === mark)) {
      // Part of a double mark.
      end += text[end + 1] === mark ? 1 : 0;
      continue;
    }
    if (mark[0] === "_" && WORD.test(text[end + mark.length] ?? "")) continue;
    // `***both***`: the inner pair is closed first.
    return mark.length === 2 && text[begin] === mark[0] && text[end + 2] === mark[0] ? end + 1 : end;
  }
  missing.add(mark);
  return -1;
}

function citation({ text, options }, at) {
  CITATION.lastIndex = at;
  const found = CITATION.exec(text);
  if (!found) return null;
  const numbers = found[1].split(/\s*[,，、]\s*/).map(Number);
  if (options.numbers && !numbers.every((number) => options.numbers.has(number))) return null;
  return { nodes: numbers.map((number) => chip(number, options)), end: at + found[0].length };
}

function chip(number, options) {
  if (!options.numbers) return h("span", { class: "cite", text: number });
  const label = t("source", { number });
  return h("button", { type: "button", class: "cite", "aria-label": label, title: label, text: number, onclick: () => options.cite(number) });
}

function bracket(state, at) {
  const image = state.text[at] === "!";
  const open = image ? at + 1 : at;
  if (state.text[open] !== "[") return null;
  const end = label(state.text, open);
  if (end < 0) return null;
  const target = state.text[end + 1] === "(" ? destination(state.text, end + 2) : null;
  if (!target) return null;
  const address = safeAddress(target.address);
  const inside = inline(state.text.slice(open + 1, end), { ...state.options, numbers: new Set() }, state.depth + 1);
  // An address that could do harm, or leads nowhere from here, leaves only its label.
  const nodes = address ? [link(address, ...(inside.length ? inside : [address]))] : inside;
  return { nodes, end: target.end };
}

function label(text, open) {
  let depth = 0;
  for (let at = open; at < text.length && at < open + LABEL_MAX; at += 1) {
    if (text[at] === "\\") at += 1;
    else if (text[at] === "[") depth += 1;
    else if (text[at] === "]" && --depth === 0) return at;
  }
  return -1;
}

const DESTINATION = /\s*(?:<([^<>\n]*)>|((?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.)*\))*))(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)/y;

function destination(text, at) {
  DESTINATION.lastIndex = at;
  const found = DESTINATION.exec(text);
  return found && { address: (found[1] ?? found[2]).replace(/\\(.)/g, "$1"), end: DESTINATION.lastIndex };
}

function angled({ text }, at) {
  ANGLED.lastIndex = at;
  const found = ANGLED.exec(text);
  const address = found && safeAddress(found[1]);
  return address ? { nodes: [link(address, found[1])], end: at + found[0].length } : null;
}

function bare({ text, plain }, at) {
  if (/\w$/.test(plain)) return null;
  BARE.lastIndex = at;
  const found = BARE.exec(text);
  if (!found) return null;
  let shown = found[0].replace(/[.,;:!?*_~]+$/, "");
  while (shown.endsWith(")") && count(shown, ")") > count(shown, "(")) shown = shown.slice(0, -1);
  const address = safeAddress(shown);
  return address ? { nodes: [link(address, shown)], end: at + shown.length } : null;
}

const count = (text, character) => text.split(character).length - 1;

const RULES = {
  "\\": [escaped],
  "\n": [lineBreak],
  "`": [code],
  "*": [emphasis],
  _: [emphasis],
  "~": [emphasis],
  "[": [citation, bracket],
  "!": [bracket],
  "<": [angled],
  h: [bare],
};
