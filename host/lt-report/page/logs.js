// The last lines that a run logged, and those that come.
import { follow, get } from "lt/api.js";
import { h } from "lt/dom.js";
import { moment } from "lt/format.js";

// Lines kept on the page; the host keeps more.
const LINES_MAX = 500;
const LEVELS = ["error", "warn", "info", "debug", "trace"];

// The box, which asks for nothing until it is opened. `isOver` says whether the run has ended: then there is nothing to follow.
export function logs(id, isOver) {
  const level = h("select", { "aria-label": "Least level", onchange: restart }, ["info", "error", "warn", "debug", "trace"].map((name) => h("option", { value: name }, name)));
  const user = h("input", { type: "text", inputMode: "numeric", size: 8, placeholder: "all users", "aria-label": "Only of this user", onchange: restart });
  const list = h("ol", { class: "log", tabIndex: 0, "aria-label": "Log lines" });
  const note = h("p", { class: "muted" }, "");
  const node = h("details", { class: "panel wide", ontoggle: restart }, h("summary", null, h("h3", null, "Log")), h("div", { class: "row" }, h("label", null, "From ", level), h("label", null, "User ", user)), note, list);
  let stop = new AbortController();
  let last = 0;

  function restart() {
    stop.abort();
    stop = new AbortController();
    list.replaceChildren();
    last = 0;
    if (!node.open) return;
    note.textContent = "No line yet.";
    read(stop.signal).catch((error) => (note.textContent = [error.message, error.remedy].filter(Boolean).join(" ")));
  }

  async function read(signal) {
    const query = new URLSearchParams({ tail: "200", level: level.value });
    if (user.value.trim()) query.set("user", user.value.trim());
    const path = `/v1/runs/${encodeURIComponent(id)}/logs?${query}`;
    if (!isOver()) {
      // A stream that ends with its run was not lost.
      await follow(`${path}&follow=true`, { signal, onEvent: show, onState: (state) => state === "lost" && (isOver() ? stop.abort() : (note.textContent = "Connection lost, trying again.")) });
      return;
    }
    const { lines } = await get(path);
    for (const line of lines) show("log", line);
    if (lines.length === 0) note.textContent = "The run logged nothing of this level.";
  }

  // A connection that was made again begins with lines that are here already.
  function show(name, line) {
    if (name !== "log" || !line || line.seq <= last) return true;
    last = line.seq;
    note.textContent = "";
    const atEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 24;
    list.append(row(line));
    if (list.childElementCount > LINES_MAX) list.firstElementChild.remove();
    if (atEnd) list.scrollTop = list.scrollHeight;
    return true;
  }

  return { node, destroy: () => stop.abort() };
}

function row(line) {
  const kind = LEVELS.includes(line.level) ? line.level : "info";
  const who = line.user === undefined || line.user === null ? line.target : `user ${line.user}${line.iteration === undefined || line.iteration === null ? "" : `, iteration ${line.iteration}`}`;
  return h("li", { class: kind }, h("span", { class: "muted" }, moment(line.time)), " ", h("b", null, line.level), " ", h("span", { class: "muted" }, who ?? ""), " ", line.message);
}
