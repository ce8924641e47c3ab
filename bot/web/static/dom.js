// Building elements. Text always goes in as text: nothing in this page parses HTML at run time.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  plus: ["M12 5v14", "M5 12h14"],
  menu: ["M4 7h16", "M4 12h16", "M4 17h10"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  send: ["M12 19V5", "M5.500 11.500L12 5l6.500 6.500"],
  down: ["M12 5v14", "M5.500 12.500L12 19l6.500-6.500"],
  stop: ["M8 8h8v8H8z"],
  copy: ["M9 9h10v11H9z", "M15 9V5H5v11h4"],
  done: ["M5 12.500l4.500 4.500L19 7.500"],
  up: ["M7 11v9H4v-9z", "M7 11l4-7c1.500 0 2.500 1 2.500 2.500V10h5a1.500 1.500 0 0 1 1.500 1.800l-1.200 6.500a2 2 0 0 1-2 1.700H7"],
  ill: ["M17 13V4h3v9z", "M17 13l-4 7c-1.500 0-2.500-1-2.500-2.500V14h-5A1.500 1.500 0 0 1 4 12.200l1.200-6.500A2 2 0 0 1 7.200 4H17"],
  retry: ["M19 12a7 7 0 1 1-2.100-5", "M19 4v4h-4"],
  globe: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "M4 12h16", "M12 4c2.500 2.300 3.600 5 3.600 8s-1.100 5.700-3.600 8c-2.500-2.300-3.600-5-3.600-8S9.500 6.300 12 4z"],
  sun: ["M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600L7 7M17 17l1.400 1.400M5.600 18.400L7 17M17 7l1.400-1.400"],
  moon: ["M19.500 14A8 8 0 1 1 10 4.500a6.500 6.500 0 0 0 9.500 9.500z"],
  trash: ["M5 7h14", "M10 7V5h4v2", "M7 7l1 12h8l1-12"],
  open: ["M14 5h5v5", "M19 5l-8 8", "M17 14v5H5V7h5"],
  attach: ["M18.500 11.500l-7 7a4.200 4.200 0 0 1-6-6l7.500-7.500a2.800 2.800 0 0 1 4 4l-7.500 7.500a1.400 1.400 0 0 1-2-2l6.500-6.500"],
  file: ["M7 4h7l4 4v12H7z", "M14 4v4h4"],
  ask: ["M9 6l6 6-6 6"],
};

/** Create an element; `on…` properties are listeners, `class` and dashed names are attributes. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Create one of the icons; it takes the colour of its surroundings. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: `icon icon-${name}`, "aria-hidden": "true" })) {
    svg.setAttribute(key, value);
  }
  for (const d of ICONS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", d);
    svg.append(path);
  }
  return svg;
}

/** Create a button with an icon and a name for those who cannot see it. */
export function iconButton(name, label, onclick, properties = {}) {
  return h("button", { type: "button", class: "icon-button", title: label, "aria-label": label, onclick, ...properties }, icon(name));
}

/** Copy text; also where the browser has no clipboard because the page came over plain HTTP. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { class: "unseen", readonly: true });
    field.value = text;
    document.body.append(field);
    field.select();
    const copied = document.execCommand("copy");
    field.remove();
    return copied;
  }
}
