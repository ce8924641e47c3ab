// Markdown to elements. What a model writes is untrusted: it becomes text nodes and a fixed set of elements,
// never HTML; links lead to http, https and mailto only; images are shown as links, so nothing is fetched.

import { copy, h, icon } from "./dom.js";
import { inline } from "./inline.js";
import { t } from "./i18n.js";

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(?:\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}>\s?(.*)$/;
const ITEM = /^(\s*)([-*+•]|\d{1,9}[.)、])(\s+)(.*)$/;
const DELIMITERS = /^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$/;
const TASK = /^\[([ xX])\]\s+(.*)$/s;
const DEPTH_MAX = 8;
const CELLS_MAX = 10_000;

/** Split a text into its top-level blocks: `{kind, source, …}`; equal sources give equal blocks. */
export function blocks(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const found = [];
  let at = 0;
  while (at < lines.length) {
    if (!lines[at].trim()) {
      at += 1;
      continue;
    }
    const [block, next] = READERS.map((read) => read(lines, at)).find(Boolean);
    found.push({ ...block, source: lines.slice(at, next).join("\n") });
    at = next;
  }
  return found;
}

const READERS = [readFence, readHeading, readRule, readTable, readQuote, readList, readParagraph];

function readFence(lines, at) {
  const open = FENCE.exec(lines[at]);
  if (!open) return null;
  const close = new RegExp(`^ {0,3}${open[1][0]}{${open[1].length},}\\s*$`);
  let end = at + 1;
  while (end < lines.length && !close.test(lines[end])) end += 1;
  const code = lines.slice(at + 1, end).join("\n");
  return [{ kind: "code", code, name: open[2].trim().split(/\s/)[0].slice(0, 30) }, Math.min(end + 1, lines.length)];
}

function readHeading(lines, at) {
  const heading = HEADING.exec(lines[at]);
  return heading && [{ kind: "heading", level: heading[1].length, text: heading[2] }, at + 1];
}

function readRule(lines, at) {
  return RULE.test(lines[at]) ? [{ kind: "rule" }, at + 1] : null;
}

function readTable(lines, at) {
  const head = lines[at];
  if (!head.includes("|") || at + 1 >= lines.length || !DELIMITERS.test(lines[at + 1])) return null;
  const delimiters = cells(lines[at + 1]);
  const names = cells(head);
  if (names.length !== delimiters.length) return null;
  let end = at + 2;
  while (end < lines.length && lines[end].trim() && lines[end].includes("|")) end += 1;
  // A few short rows of a very wide table would become thousands of empty cells.
  if (names.length * (end - at) > CELLS_MAX) return null;
  const sides = delimiters.map((cell) => (cell.endsWith(":") ? (cell.startsWith(":") ? "centre" : "right") : "left"));
  return [{ kind: "table", names, sides, rows: lines.slice(at + 2, end).map(cells) }, end];
}

/** A row's cells; a `\|` and one inside `code` belongs to its cell. */
function cells(line) {
  const found = [];
  let cell = "";
  let code = false;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === "\\" && line[at + 1] === "|") {
      cell += "|";
      at += 1;
    } else if (line[at] === "|" && !code) {
      found.push(cell.trim());
      cell = "";
    } else {
      if (line[at] === "`") code = !code && line.indexOf("`", at + 1) > 0;
      cell += line[at];
    }
  }
  found.push(cell.trim());
  if (found[0] === "") found.shift();
  if (found.at(-1) === "") found.pop();
  return found;
}

function readQuote(lines, at) {
  if (!QUOTE.test(lines[at])) return null;
  const inner = [];
  let end = at;
  while (end < lines.length && lines[end].trim()) {
    const quoted = QUOTE.exec(lines[end]);
    if (!quoted && interrupts(lines, end)) break;
    inner.push(quoted ? quoted[1] : lines[end]);
    end += 1;
  }
  return [{ kind: "quote", text: inner.join("\n") }, end];
}

function readList(lines, at) {
  const first = ITEM.exec(lines[at]);
  if (!first) return null;
  const ordered = /\d/.test(first[2]);
  const indent = first[1].length;
  const items = [];
  let end = at;
  while (end < lines.length) {
    const item = ITEM.exec(lines[end]);
    if (!item || item[1].length > indent + 1 || item[1].length < indent || /\d/.test(item[2]) !== ordered || RULE.test(lines[end])) break;
    const [text, next] = readItem(lines, end, indent, item);
    items.push(text);
    end = next;
    // A blank line between two items does not end the list.
    const following = ITEM.exec(lines[end + 1] ?? "");
    if (end < lines.length && !lines[end].trim() && following && following[1].length <= indent + 1) end += 1;
  }
  return [{ kind: "list", ordered, start: ordered ? Number.parseInt(first[2], 10) : 1, items }, end];
}

function readItem(lines, at, indent, item) {
  const own = [item[4]];
  const inner = item[1].length + item[2].length + Math.min(item[3].length, 4);
  let end = at + 1;
  while (end < lines.length) {
    const line = lines[end];
    const depth = line.search(/\S/);
    if (depth < 0) {
      const following = lines[end + 1] ?? "";
      if (following.search(/\S/) <= indent) break;
    } else if (depth <= indent && (ITEM.test(line) || interrupts(lines, end) || !lines[end - 1].trim())) {
      break;
    }
    own.push(depth < 0 ? "" : line.slice(Math.min(depth, inner)));
    end += 1;
  }
  return [own.join("\n"), end];
}

function readParagraph(lines, at) {
  let end = at + 1;
  while (end < lines.length && lines[end].trim() && !interrupts(lines, end)) end += 1;
  return [{ kind: "paragraph", text: lines.slice(at, end).join("\n") }, end];
}

function interrupts(lines, at) {
  const item = ITEM.exec(lines[at]);
  return [FENCE, HEADING, RULE, QUOTE].some((form) => form.test(lines[at])) || Boolean(item && item[4]) || Boolean(readTable(lines, at));
}

/** Show a text in `container`, and leave the elements of unchanged blocks alone: the reader may be selecting in them. */
export function render(container, text, options = {}) {
  const wanted = blocks(text);
  const shown = [...container.children];
  wanted.forEach((block, number) => {
    const known = shown[number];
    if (known && known.parleySource === block.source && !options.fresh) return;
    const element = build(block, options, 0);
    element.parleySource = block.source;
    if (known) known.replaceWith(element);
    else container.append(element);
  });
  for (const surplus of shown.slice(wanted.length)) surplus.remove();
}

function build(block, options, depth) {
  const text = (source) => inline(source, options);
  switch (block.kind) {
    case "code":
      return codeBlock(block);
    case "heading":
      // The page's own headings come first in the outline.
      return h(`h${Math.min(block.level + 2, 6)}`, { class: `level-${block.level}` }, ...text(block.text));
    case "rule":
      return h("hr");
    case "table":
      return table(block, text);
    case "quote":
      return h("blockquote", {}, ...nested(block.text, options, depth));
    case "list":
      return list(block, options, depth);
    default:
      return h("p", {}, ...text(block.text));
  }
}

function nested(text, options, depth) {
  if (depth >= DEPTH_MAX) return [h("p", { text })];
  return blocks(text).map((block) => build(block, options, depth + 1));
}

function list(block, options, depth) {
  const items = block.items.map((source) => {
    const task = TASK.exec(source);
    const inside = nested(task ? task[2] : source, options, depth);
    // An item of one line needs no paragraph around it.
    const content = inside[0]?.tagName === "P" ? [...inside[0].childNodes, ...inside.slice(1)] : inside;
    if (!task) return h("li", {}, ...content);
    const ticked = task[1] !== " ";
    const box = h("span", { class: `tick${ticked ? " ticked" : ""}`, role: "img", "aria-label": t(ticked ? "finished" : "task") });
    return h("li", { class: "task" }, box, ...content);
  });
  return h(block.ordered ? "ol" : "ul", { start: block.ordered && block.start !== 1 ? block.start : null }, ...items);
}

function table(block, text) {
  const row = (values, tag) =>
    h("tr", {}, ...block.names.map((_, column) => h(tag, { class: block.sides[column] }, ...text(values[column] ?? ""))));
  const inside = h("table", {}, h("thead", {}, row(block.names, "th")), h("tbody", {}, ...block.rows.map((values) => row(values, "td"))));
  return h("div", { class: "table", tabindex: "0" }, inside);
}

function codeBlock(block) {
  const label = h("span", { text: t("copy") });
  const button = h("button", { type: "button", class: "copy-code" }, icon("copy"), label);
  button.addEventListener("click", async () => {
    if (!(await copy(block.code))) return;
    label.textContent = t("copied");
    setTimeout(() => (label.textContent = t("copy")), 1500);
  });
  const head = h("div", { class: "code-head" }, h("span", { text: block.name }), button);
  return h("div", { class: "code" }, head, h("pre", { tabindex: "0" }, h("code", { text: block.code })));
}
