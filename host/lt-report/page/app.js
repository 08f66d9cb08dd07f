// The page begins here: as the report of one run if it holds one, or else as the host's.
import { askToken, get, onConnection, onTokenDeclined } from "lt/api.js";
import { recolour } from "lt/charts.js";
import { h, put } from "lt/dom.js";
import { hostPage, scenarioPage, sidebar, statusLine } from "lt/home.js";
import { RunView } from "lt/run.js";
import { startPage } from "lt/start.js";
import { askUpload } from "lt/swap.js";

// How often runs and the host are asked for, in milliseconds; scenarios change when somebody uploads one.
const RUNS_MS = 2000;
const SCENARIOS_MS = 10_000;
const RUNS_SHOWN = 50;

const root = document.getElementById("app");

// Dark, light, or as the system has it: the button goes on to the next.
function themeButton() {
  const order = ["system", "light", "dark"];
  const now = () => document.documentElement.dataset.theme ?? "system";
  const button = h("button", { type: "button", class: "quiet", onclick: next });
  function tell() {
    button.textContent = { system: "◐ System", light: "☀ Light", dark: "☾ Dark" }[now()];
    button.setAttribute("aria-label", `Theme: ${now()}. Change it.`);
  }
  function next() {
    const theme = order[(order.indexOf(now()) + 1) % order.length];
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      if (theme === "system") localStorage.removeItem("lt-theme");
      else localStorage.setItem("lt-theme", theme);
    } catch {
      // No storage: it holds for this visit.
    }
    tell();
    recolour();
  }
  tell();
  return button;
}

function header(...middle) {
  const skip = h("a", { class: "skip", href: "#main", onclick: (event) => {
    event.preventDefault();
    document.getElementById("main").focus();
  } }, "To the content");
  return h("header", { class: "top" }, skip, h("a", { class: "brand", href: "#/" }, mark(), "lt-host"), middle, themeButton());
}

// The sign, drawn as the icon is.
function mark() {
  const svg = document.createElementNS("http" + "://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 32 32");
  svg.setAttribute("aria-hidden", "true");
  const path = svg.appendChild(document.createElementNS(svg.namespaceURI, "path"));
  path.setAttribute("d", "M3 22h5l5-15 6 21 4-12h6");
  return svg;
}

// A report: nothing is asked of anybody.
function report(data) {
  const view = new RunView({ run: completed(data), live: false });
  root.append(header(h("span", { class: "status" }, "Report of a run")), h("main", { id: "main", tabIndex: -1, class: "alone" }, view.node));
  view.fill(data.snapshots, data.changes, data.annotations);
  view.showSummary(data.summary);
}

// The run of a report. One that no server knew has only a summary.
function completed({ run, summary }) {
  const state = summary?.state;
  if (!state) return run ?? {};
  const passed = state.exit_code === 0;
  return {
    id: state.run,
    state: "ended",
    started_at: state.started,
    elapsed_ms: state.duration_ms,
    seed: state.seed,
    parts: state.scenario ? [{ name: state.scenario, scenario: state.scenario }] : [],
    verdict: { exit_code: state.exit_code, passed, reason: state.ended_early ?? undefined },
    ...run,
  };
}

// The host's page.
class App {
  constructor() {
    this.side = sidebar((file) => this.uploadFile(file));
    this.main = h("main", { id: "main", tabIndex: -1 });
    this.status = h("span", { class: "status" });
    this.lost = h("span", { class: "lost", role: "status", hidden: true }, "Connection lost, retrying…");
    this.token = h("button", { type: "button", hidden: true, onclick: () => this.giveToken() }, "Give the token");
    this.drop = h("div", { class: "drop", hidden: true }, h("p"));
    this.host = hostPage();
    this.known = {};
    root.append(header(this.status, this.lost, this.token), h("div", { class: "columns" }, this.side.node, this.main), this.drop);
    onConnection((there) => (this.lost.hidden = there));
    onTokenDeclined((declined) => (this.token.hidden = !declined));
    addEventListener("hashchange", () => this.show());
    this.listenForFiles();
    this.show();
    this.refresh(true);
    setInterval(() => document.hidden || this.refresh(), RUNS_MS);
    setInterval(() => document.hidden || this.refresh(true), SCENARIOS_MS);
  }

  // What the sidebar and the header show; a call that is still out is waited for and not repeated.
  async refresh(scenarios = false) {
    if (this.asking) return;
    this.asking = true;
    try {
      const [status, { nodes }, { runs }, stored] = await Promise.all([get("/v1/status"), get("/v1/nodes"), get(`/v1/runs?limit=${RUNS_SHOWN}`), scenarios || !this.known.scenarios ? get("/v1/scenarios") : null]);
      this.known = { status, nodes, runs, scenarios: stored?.scenarios ?? this.known.scenarios };
      this.tell();
    } catch {
      // What cannot be reached is told by the line in the header, and asked again.
    } finally {
      this.asking = false;
    }
  }

  async giveToken() {
    if (!(await askToken())) return;
    this.refresh(true);
    this.show();
  }

  tell() {
    put(this.status, statusLine(this.known.status));
    this.side.update(this.known);
    this.host.update(this.known);
  }

  async show() {
    this.view?.destroy();
    this.view = undefined;
    const [, kind, encoded] = /^#\/(\w+)(?:\/(.+))?$/.exec(location.hash) ?? [];
    document.body.dataset.route = kind ?? "home";
    document.title = "lt-host";
    const turn = (this.turn = (this.turn ?? 0) + 1);
    let node;
    try {
      const name = encoded && decodeURIComponent(encoded);
      if (kind === "runs" && name) node = await this.openRun(name);
      else if (kind === "start") node = await startPage(this, name);
      else if (kind === "scenarios" && name) node = await scenarioPage(this, name);
      else node = this.host.node;
    } catch (error) {
      node = h("article", null, h("h1", { tabIndex: -1 }, "This cannot be shown"), h("div", { class: "refusal", role: "alert" }, h("strong", null, error.message), error.remedy && h("div", null, error.remedy)), h("p", null, h("a", { href: "#/" }, "To the host")));
    }
    if (turn !== this.turn) return;
    this.main.replaceChildren(node);
    this.side.update(this.known);
    if (kind) node.querySelector("h1")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  async openRun(id) {
    const run = await get(`/v1/runs/${encodeURIComponent(id)}`);
    const view = new RunView({ run });
    this.view?.destroy();
    this.view = view;
    view.onChanged = () => this.refresh();
    view.stored = () => this.refresh(true);
    view.open().catch((error) => view.failed(error));
    view.draw();
    return view.node;
  }

  // A file dropped onto a run that goes on swaps its code; anywhere else it is stored.
  listenForFiles() {
    let depth = 0;
    const carries = (event) => event.dataTransfer?.types.includes("Files");
    const onto = () => this.view && !this.view.controls.node.hidden;
    const hide = () => {
      depth = 0;
      this.drop.hidden = true;
    };
    addEventListener("dragenter", (event) => {
      if (!carries(event)) return;
      depth += 1;
      this.drop.firstChild.textContent = onto() ? "Drop a .wasm to swap the code of this run" : "Drop a .wasm to store it as a scenario";
      this.drop.hidden = false;
    });
    addEventListener("dragleave", () => (depth -= 1) <= 0 && hide());
    addEventListener("dragover", (event) => carries(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!carries(event)) return;
      event.preventDefault();
      hide();
      const file = event.dataTransfer.files[0];
      if (file) this.uploadFile(file);
    });
  }

  async uploadFile(file) {
    if (this.view && !this.view.controls.node.hidden) return this.view.dropped(file);
    const stored = await askUpload(file);
    if (!stored) return;
    await this.refresh(true);
    const there = `#/scenarios/${encodeURIComponent(stored.name)}`;
    if (location.hash === there) this.show();
    else location.hash = there;
  }
}

const data = document.getElementById("report");
if (data) report(JSON.parse(data.textContent));
else globalThis.lt = new App();
