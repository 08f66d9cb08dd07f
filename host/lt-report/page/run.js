// One run: its figures, charts and tables, live, from the past, or in a report.
import { follow, get, hasToken, request } from "lt/api.js";
import { Chart } from "lt/charts.js";
import { OVER, controls } from "lt/controls.js";
import { announce, badge, h, keyed, put, save, toast } from "lt/dom.js";
import { bytes, clock, count, moment, plain, value } from "lt/format.js";
import { History } from "lt/history.js";
import { logs } from "lt/logs.js";
import { figures, mainTrend, panels, versionsPanel } from "lt/panels.js";
import { summaryTables } from "lt/summary.js";
import { askSwap } from "lt/swap.js";

// A run is asked for again so often while it goes on, in milliseconds: users by part and the revision change without an event.
const REFRESH_MS = 3000;
const ERROR_LINES = 5;
const STATES = { starting: "busy", running: "good", paused: "warn", stopping: "warn", ended: "idle", failed: "bad", interrupted: "bad" };

// Stopped by somebody: neither passed nor failed.
const STOPPED = 103;

function judged(verdict) {
  if (verdict.passed) return ["✓ Passed", "good"];
  return verdict.exit_code === STOPPED ? ["Stopped", "idle"] : ["✗ Not passed", "bad"];
}

// How a run stands, in a word: once it has ended, how it ended.
export function stateBadge(run) {
  if (run.state !== "ended" || !run.verdict) return badge(run.state ?? "unknown", STATES[run.state] ?? "idle");
  const [word, kind] = judged(run.verdict);
  return badge(word.toLowerCase(), kind);
}

export class RunView {
  constructor({ run, live = true }) {
    this.run = run;
    this.live = live;
    this.history = new History();
    this.summary = null;
    this.stop = new AbortController();
    this.asked = 0;
    this.build();
  }

  build() {
    this.heading = h("h1", { tabIndex: -1 });
    this.state = h("span", { class: "state" });
    this.line = h("p", { class: "muted facts-line" });
    this.lost = h("p", { class: "lost", role: "status", hidden: true }, "Connection lost, retrying…");
    this.verdict = h("p", { class: "verdict", hidden: true });
    this.refused = h("p", { class: "refusal", role: "alert", hidden: true });
    this.controls = this.live ? controls(this) : null;
    this.big = h("div", { class: "figures" });
    this.trend = h("select", { "aria-label": "Which time is shown", onchange: () => this.draw() });
    this.charts = this.makeCharts();
    this.grid = h("div", { class: "charts" }, this.charts.map(({ chart }) => chart.node));
    const versions = versionsPanel();
    const others = panels();
    this.panels = [versions, ...others];
    this.logs = this.live ? logs(this.run.id, () => OVER.has(this.run.state)) : null;
    this.files = h("section", { class: "panel wide", hidden: true }, h("h3", null, "Results"), h("div", { class: "body row" }));
    this.tables = h("div", { class: "panels" });
    this.node = h(
      "article",
      { class: "run" },
      h("header", { class: "title" }, this.live && h("a", { class: "back", href: "#/" }, "← All runs"), h("div", { class: "row" }, this.heading, this.state), this.line),
      this.lost,
      this.refused,
      this.verdict,
      this.controls?.node,
      this.big,
      versions.node,
      this.grid,
      h("div", { class: "panels" }, others.map((panel) => panel.node), this.files, this.logs?.node),
      this.tables,
    );
  }

  makeCharts() {
    const perSecond = (number) => `${plain(number)}/s`;
    const all = [
      { chart: new Chart({ title: "Users", format: count, colours: ["--line-5", "--line-1"] }), of: () => this.lines(["planned", (at) => at.planned], ["active", (at) => at.active]) },
      { chart: new Chart({ title: "Iterations and requests", format: perSecond }), of: () => this.lines(["iterations", (at) => at.iterations], this.has("requests") && ["requests", (at) => at.requests]) },
      { chart: new Chart({ title: "Times", format: (number) => value(number, this.history.trends.get(this.chosen())), controls: this.trend }), of: () => this.times() },
      { chart: new Chart({ title: "Errors by kind", format: perSecond, empty: "No errors." }), of: () => this.errors() },
      { chart: new Chart({ title: "Traffic", format: (number) => `${bytes(number)}/s` }), of: () => this.lines(["received", (at) => at.received], ["sent", (at) => at.sent]) },
      { chart: new Chart({ title: "Media streams", format: count }), optional: () => this.has("playing"), of: () => this.lines(["playing", (at) => at.playing], ["lagged", (at) => at.lagged], ["stalled", (at) => at.stalled]) },
      { chart: new Chart({ title: "Media", format: (number) => `${plain(number)} kbit/s` }), optional: () => this.has("kbps"), of: () => this.lines(["all streams", (at) => at.kbps]) },
      { chart: new Chart({ title: "Deliveries", format: count }), optional: () => this.has("outstanding"), of: () => this.lines(["outstanding", (at) => at.outstanding], ["lost", (at) => at.lost]) },
    ];
    return all;
  }

  has(name) {
    return this.history.points.some((point) => point[name] !== undefined);
  }

  lines(...all) {
    const wanted = all.filter(Boolean);
    return [wanted.map(([name]) => name), this.history.times, wanted.map(([, of]) => this.history.series(of))];
  }

  chosen() {
    return this.trend.value || mainTrend(this.history);
  }

  times() {
    const name = this.chosen();
    return this.lines(...["p50", "p95", "p99"].map((part) => [part, (at) => at.trends[name]?.[part]]));
  }

  errors() {
    const { codes, rates } = this.history.errors(ERROR_LINES);
    return codes.length > 0 ? [codes, this.history.times, rates] : [[], [], []];
  }

  // What the host knows of the run, and from then on what happens.
  async open() {
    const path = `/v1/runs/${encodeURIComponent(this.run.id)}`;
    const [{ snapshots }, { annotations }] = await Promise.all([get(`${path}/snapshots?limit=1000`).catch(() => ({ snapshots: [] })), get(`${path}/annotations`).catch(() => ({ annotations: [] }))]);
    this.fill(snapshots, [], annotations);
    if (OVER.has(this.run.state)) return this.finish();
    this.draw();
    await follow(`${path}/events`, {
      signal: this.stop.signal,
      since: this.history.latest?.seq ?? 0,
      onEvent: (name, data) => this.event(name, data),
      onState: (state) => (this.lost.hidden = state !== "lost"),
    });
  }

  // The host tells no more of this run: what is seen stays as it is, and does not pass for what is now.
  failed(error) {
    this.lost.hidden = true;
    this.refused.hidden = false;
    this.refused.replaceChildren([`This run is no longer followed: ${error.message}`, error.remedy].filter(Boolean).join(" "));
  }

  fill(snapshots, changes, annotations) {
    for (const snapshot of snapshots ?? []) this.history.push(snapshot);
    for (const mark of [...(changes ?? []), ...(annotations ?? [])]) this.history.mark(mark);
  }

  event(name, data) {
    this.lost.hidden = true;
    if (name === "snapshot") {
      this.history.push(data);
      if (performance.now() - this.asked > REFRESH_MS) this.refresh();
    } else if (name === "change") {
      this.history.mark(data);
      this.refresh();
    } else if (name === "annotation") {
      this.history.mark(data);
    } else if (name === "ended") {
      this.run = data ?? this.run;
      announce("The run has ended.");
      this.finish();
      return false;
    }
    this.draw();
    return true;
  }

  async refresh() {
    this.asked = performance.now();
    const run = await get(`/v1/runs/${encodeURIComponent(this.run.id)}`).catch(() => null);
    if (run) this.changed(run);
  }

  // The run as a call or an event has it; an older answer that comes late is passed over.
  changed(run) {
    if (!run || run.revision < this.run.revision) return;
    const before = this.run.state;
    this.run = run;
    if (before !== run.state) announce(`The run is ${run.state}.`);
    if (OVER.has(run.state) && !OVER.has(before)) this.finish();
    else this.draw();
    this.onChanged?.(run);
  }

  annotated(note) {
    this.history.mark(note);
    this.draw();
  }

  // All that there is once it is over.
  async finish() {
    this.stop.abort();
    this.lost.hidden = true;
    const path = `/v1/runs/${encodeURIComponent(this.run.id)}`;
    this.draw();
    const [run, summary] = await Promise.all([get(path).catch(() => this.run), get(`${path}/summary`).catch(() => null)]);
    this.run = run;
    this.onChanged?.(run);
    this.showSummary(summary);
  }

  showSummary(summary) {
    this.summary = summary;
    this.tables.replaceChildren(...summaryTables(summary));
    this.draw();
  }

  // Once before the next frame, however often it is asked for; not at all while nobody looks.
  draw() {
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      this.drawing = false;
      this.drawNow();
    });
  }

  drawNow() {
    const { run, history } = this;
    const snapshot = history.latest;
    this.drawHead(snapshot);
    this.controls?.update(run);
    keyed(this.big, figures({ run, snapshot, summary: this.summary, history }), ([name]) => name.split(" ")[0], figure);
    this.offerTrends();
    for (const { chart, of, optional } of this.charts) {
      const shown = !optional || optional();
      chart.node.hidden = !shown;
      if (shown) chart.update(...of(), history.marks);
    }
    for (const panel of this.panels) panel.update({ run, snapshot, history, summary: this.summary });
    this.drawFiles();
  }

  drawHead(snapshot) {
    const { run } = this;
    const scenarios = (run.parts ?? []).map((part) => part.scenario ?? part.name).join(", ");
    put(this.heading, run.name || scenarios || run.id || "Run");
    const state = stateBadge(run);
    if (this.state.textContent !== state.textContent) this.state.replaceChildren(state);
    const elapsed = OVER.has(run.state) ? run.elapsed_ms : Math.max(snapshot?.elapsed_ms ?? 0, run.elapsed_ms ?? 0);
    const parts = [clock(elapsed ?? 0), run.id, run.name && scenarios, run.started_at && `started ${moment(run.started_at)}`, run.seed !== undefined && `seed ${run.seed}`, ...Object.entries(run.tags ?? {}).map(([name, text]) => `${name}=${text}`), run.comment];
    put(this.line, parts.filter(Boolean).join("  ·  "));
    document.title = `${this.heading.textContent} – lt-host`;
    const { verdict } = run;
    this.verdict.hidden = !verdict;
    if (verdict) {
      const [word, kind] = judged(verdict);
      this.verdict.className = `verdict ${kind}`;
      put(this.verdict, `${word}: exit code ${verdict.exit_code}${verdict.reason ? `, ${verdict.reason}` : ""}`);
    }
  }

  offerTrends() {
    const names = [...this.history.trends.keys()].sort();
    if (this.offered === names.length) return;
    this.offered = names.length;
    const chosen = this.trend.value || mainTrend(this.history);
    this.trend.replaceChildren(...names.map((name) => h("option", { value: name, selected: name === chosen }, name)));
  }

  drawFiles() {
    const names = this.live ? this.run.results ?? [] : [];
    this.files.hidden = names.length === 0;
    keyed(this.files.lastChild, names, (name) => name, (name) => ({ node: h("a", { class: "button", href: this.filePath(name), download: name, onclick: (event) => this.download(event, name) }, name) }));
  }

  filePath(name) {
    return `/v1/runs/${encodeURIComponent(this.run.id)}/results/${encodeURIComponent(name)}`;
  }

  // A link carries no token: with one, the file is fetched and handed out.
  async download(event, name) {
    if (!hasToken()) return;
    event.preventDefault();
    try {
      save(await (await request(this.filePath(name))).blob(), name);
    } catch (error) {
      toast(error.message, "bad");
    }
  }

  // A file that was dropped onto the run.
  dropped(file) {
    return askSwap(this, file);
  }

  destroy() {
    this.stop.abort();
    this.logs?.destroy();
    for (const { chart } of this.charts) chart.destroy();
  }
}

function figure() {
  const parts = [h("dt"), h("dd"), h("div", { class: "muted" })];
  const node = h("dl", { class: "figure" }, parts);
  return {
    node,
    update([name, number, note, kind]) {
      put(parts[0], name);
      put(parts[1], number);
      put(parts[2], note ?? "");
      node.className = `figure ${kind ?? ""}`;
    },
  };
}
