// Elements. Text goes in as text, always: nothing here, and nothing that uses it, makes markup of data.

// An element. Of `props`, `on…` are listeners, `class` and `aria-…` are attributes, anything else is a property.
export function h(tag, props, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "class" || name === "role" || name === "for" || name.includes("-")) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Sets the text only if it changed, so that a selection in it survives.
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Makes the children of `parent` those of `items`, by key, and keeps what is there: focus and selection survive.
// `make(item)` gives `{node, update?(item)}`.
export function keyed(parent, items, keyOf, make) {
  const known = (parent.keyedChildren ??= new Map());
  const wanted = new Set();
  let before = parent.firstChild;
  for (const item of items) {
    const key = keyOf(item);
    wanted.add(key);
    let entry = known.get(key);
    if (!entry) known.set(key, (entry = make(item)));
    entry.update?.(item);
    if (entry.node === before) before = before.nextSibling;
    else parent.insertBefore(entry.node, before);
  }
  for (const [key, entry] of known) {
    if (wanted.has(key)) continue;
    entry.node.remove();
    known.delete(key);
  }
}

// A table from texts: `columns` are names, of which those that begin with `#` hold numbers; cells are texts or elements.
export function table(caption, columns, rows) {
  const numeric = columns.map((name) => name.startsWith("#"));
  const side = (at) => (numeric[at] ? "number" : undefined);
  return h(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabIndex: 0 },
    h(
      "table",
      null,
      h("thead", null, h("tr", null, columns.map((name, at) => h("th", { scope: "col", class: side(at) }, name.replace("#", ""))))),
      h("tbody", null, rows.map((row) => h("tr", null, row.map((cell, at) => h("td", { class: side(at) }, cell ?? ""))))),
    ),
  );
}

// A word with a colour, which is never all that tells it.
export function badge(text, kind) {
  return h("span", { class: `badge ${kind}` }, text);
}

let live;
// Says something to those who listen to the page.
export function announce(text) {
  live ??= document.body.appendChild(h("div", { class: "unseen", role: "status", "aria-live": "polite" }));
  live.textContent = text;
}

// A word at the edge of the page that goes away by itself.
export function toast(text, kind = "good") {
  const box = document.getElementById("toasts") ?? document.body.appendChild(h("div", { id: "toasts" }));
  const node = h("div", { class: `toast ${kind}` }, text);
  box.append(node);
  announce(text);
  setTimeout(() => node.remove(), 6000);
}

// What is handed out as a file without a navigation, as a link could carry no token.
export function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
