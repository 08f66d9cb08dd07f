// The last lines that a run logged, and those that come.
import { follow } from "lt/api.js";
import { h } from "lt/dom.js";
import { moment } from "lt/format.js";

// Lines kept on the page; the host keeps more.
const LINES_MAX = 500;
const LEVELS = ["error", "warn", "info", "debug", "trace"];

// The box, which asks for nothing until it is opened.
export function logs(id) {
  const level = h("select", { "aria-label": "Least level", onchange: restart }, ["info", "error", "warn", "debug", "trace"].map((name) => h("option", { value: name }, name)));
  const user = h("input", { type: "text", inputMode: "numeric", size: 8, placeholder: "all users", "aria-label": "Only of this user", onchange: restart });
  const list = h("ol", { class: "log", tabIndex: 0, "aria-label": "Log lines" });
  const note = h("p", { class: "muted" }, "");
  const node = h("details", { class: "panel wide", ontoggle: restart }, h("summary", null, h("h3", null, "Log")), h("div", { class: "row" }, h("label", null, "From ", level), h("label", null, "User ", user)), note, list);
  let stop = new AbortController();

  function restart() {
    stop.abort();
    stop = new AbortController();
    list.replaceChildren();
    if (!node.open) return;
    const query = new URLSearchParams({ tail: "200", follow: "true", level: level.value });
    if (user.value.trim()) query.set("user", user.value.trim());
    note.textContent = "No line yet.";
    follow(`/v1/runs/${encodeURIComponent(id)}/logs?${query}`, { signal: stop.signal, onEvent: show, onState: (state) => state === "lost" && (note.textContent = "Connection lost, trying again.") }).catch((error) => {
      note.textContent = [error.message, error.remedy].filter(Boolean).join(" ");
    });
  }

  function show(name, line) {
    if (name === "ended") {
      note.textContent = "The run has ended.";
      return false;
    }
    if (name !== "log" || !line) return true;
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
