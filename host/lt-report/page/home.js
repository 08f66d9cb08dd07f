// Beside every view: the runs, the scenarios that are stored, and how the host does.
import { get, hasToken, request, send } from "lt/api.js";
import { badge, h, keyed, put, save, table, toast } from "lt/dom.js";
import { bytes, clock, count, moment, share } from "lt/format.js";
import { openForm } from "lt/form.js";
import { stateBadge } from "lt/run.js";

// The column with runs and scenarios. `choose(file)` is given what was picked for an upload.
export function sidebar(choose) {
  const runs = h("ul", { class: "list" });
  const scenarios = h("ul", { class: "list" });
  const noRuns = h("p", { class: "muted empty" }, "No runs yet: drop a .wasm here or use ", h("code", null, "lt-host upload"), ", then start one.");
  const noScenarios = h("p", { class: "muted empty" }, "Nothing stored yet: drop a .wasm anywhere on this page.");
  const picker = h("input", { type: "file", accept: ".wasm,application/wasm", class: "unseen", tabIndex: -1, "aria-label": "Scenario to upload", onchange: () => {
    if (picker.files[0]) choose(picker.files[0]);
    picker.value = "";
  } });
  const node = h(
    "nav",
    { class: "side", "aria-label": "Runs and scenarios" },
    h("section", null, h("div", { class: "head" }, h("h2", null, "Runs"), h("a", { class: "button primary", href: "#/start" }, "Start a run")), noRuns, runs),
    h("section", null, h("div", { class: "head" }, h("h2", null, "Scenarios"), h("button", { type: "button", onclick: () => picker.click() }, "Upload"), picker), noScenarios, scenarios),
  );
  return {
    node,
    update({ runs: allRuns, scenarios: allScenarios, route }) {
      noRuns.hidden = !allRuns || allRuns.length > 0;
      noScenarios.hidden = !allScenarios || allScenarios.length > 0;
      keyed(runs, allRuns ?? [], (run) => run.id, () => runItem(route));
      keyed(scenarios, allScenarios ?? [], (scenario) => scenario.name, scenarioItem);
      for (const link of node.querySelectorAll("a")) {
        if (link.getAttribute("href") === location.hash) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    },
  };
}

function runItem() {
  const name = h("b");
  const note = h("span", { class: "muted" });
  const state = h("span");
  const link = h("a", { class: "item" }, h("span", { class: "row" }, name, state), note);
  return {
    node: h("li", null, link),
    update(run) {
      link.href = `#/runs/${encodeURIComponent(run.id)}`;
      put(name, run.name || (run.scenarios ?? []).join(", ") || run.id);
      const mark = stateBadge(run);
      if (state.textContent !== mark.textContent) state.replaceChildren(mark);
      const users = run.ended_at ? moment(run.ended_at) : `${count(run.users_active)} users`;
      put(note, [run.id, users, clock(run.elapsed_ms)].join(" · "));
    },
  };
}

function scenarioItem() {
  const name = h("b");
  const note = h("span", { class: "muted" });
  const link = h("a", { class: "item" }, name, note);
  return {
    node: h("li", null, link),
    update(scenario) {
      link.href = `#/scenarios/${encodeURIComponent(scenario.name)}`;
      put(name, scenario.name);
      const versions = scenario.versions > 1 ? `, ${scenario.versions} versions` : "";
      put(note, `${scenario.version}+${scenario.digest.slice(0, 8)}${versions}`);
    },
  };
}

// How the host does, in a line of the header.
export function statusLine(status) {
  if (!status) return "";
  const cpu = Number.isFinite(status.cpu?.used_share) ? ` · CPU ${Math.round(status.cpu.used_share * 100)}%` : "";
  return `${status.host} · ${count(status.runs.running)} of ${count(status.runs.limit)} runs · ${count(status.users.active)} users${cpu} · ${bytes(status.memory.resident_bytes)}`;
}

// What is seen at `#/`: the host.
export function hostPage() {
  // What changes, and what does not: a link that was reached by keyboard stays where it is.
  const body = h("div", { class: "panels" });
  const others = h("div", { class: "panels" }, h("section", { class: "panel wide" }, h("h3", null, "From other programs"), h("div", { class: "body row" }, h("a", { class: "button", href: "/api-docs" }, "REST calls"), h("a", { class: "button", href: "/metrics", onclick: metrics }, "Metrics for Prometheus"))));
  const node = h("article", { class: "host" }, h("h1", { tabIndex: -1 }, "This host"), body, others);
  let known;
  return {
    node,
    update({ status, nodes }) {
      const key = JSON.stringify([{ ...status, uptime_ms: Math.trunc((status?.uptime_ms ?? 0) / 10_000) }, nodes]);
      if (!status || key === known) return;
      known = key;
      const taken = (one) => `${count(one.running ?? one.active ?? one.open)} of ${one.limit ? count(one.limit) : "any number"}`;
      body.replaceChildren(
        h("section", { class: "panel wide" }, h("h3", null, status.host), h("div", { class: "body" }, status.saturated && h("p", null, badge("saturated", "bad"), ` ${status.saturated}`), h("dl", { class: "facts" }, facts([
          ["Version", status.version],
          ["Up for", clock(status.uptime_ms)],
          ["Processors", `${status.cpu.cores}, ${share(status.cpu.used_share)} used`],
          ["Memory", `${bytes(status.memory.resident_bytes)}${status.memory.limit_bytes ? ` of ${bytes(status.memory.limit_bytes)}` : ""}`],
          ["Descriptors", taken(status.descriptors)],
          ["Runs", taken(status.runs)],
          ["Users", taken(status.users)],
          ["Users planned", count(status.users.planned)],
          ["Uploads", taken(status.uploads)],
          ["Token", status.auth === "token" ? "asked for" : "none: only this machine"],
        ])))),
        h("section", { class: "panel wide" }, h("h3", null, "Hosts that run users"), h("div", { class: "body" }, hostsTable(nodes ?? []))),
        h("section", { class: "panel wide" }, h("h3", null, "Scenarios may reach"), h("div", { class: "body" }, h("ul", { class: "samples" }, (status.allow_targets ?? []).map((target) => h("li", null, h("code", null, target)))), h("p", { class: "muted" }, "Said when the host is started: ", h("code", null, "lt-host serve --allow-target")))),
      );
    },
  };
}

// One line each: a cluster has several.
const hostsTable = (nodes) =>
  table("Hosts that run users", ["Host", "State", "#Users", "#Runs", "#CPU"], nodes.map((node) => [node.name, badge(node.state, node.state === "up" ? "good" : "bad"), count(node.users_active), count(node.runs), `${Math.round((node.cpu_share ?? 0) * 100)}%`]));

// A link carries no token: with one, they are fetched and handed out.
async function metrics(event) {
  if (!hasToken()) return;
  event.preventDefault();
  try {
    save(await (await request("/metrics")).blob(), "metrics.txt");
  } catch (error) {
    toast([error.message, error.remedy].filter(Boolean).join(" "), "bad");
  }
}

const facts = (pairs) => pairs.map(([name, text]) => h("div", null, h("dt", null, name), h("dd", null, text)));

// One stored scenario: what it declares, and its versions.
export async function scenarioPage(app, name) {
  const path = `/v1/scenarios/${encodeURIComponent(name)}`;
  const scenario = await get(path);
  const again = async (work, told) => {
    try {
      await work();
      toast(told);
    } catch (error) {
      toast([error.message, error.remedy].filter(Boolean).join(" "), "bad");
    }
    app.refresh(true);
    app.show();
  };
  const versions = scenario.versions.map((version) => [
    h("code", null, `${version.version}+${version.digest.slice(0, 8)}`),
    bytes(version.size_bytes),
    moment(version.uploaded_at),
    version.current ? badge("current", "good") : h("button", { type: "button", onclick: () => again(() => send("POST", `${path}/rollback`, { digest: version.digest }), "It is the current version now.") }, "Make current"),
  ]);
  const settings = scenario.settings.map((setting) => [h("div", null, h("code", null, setting.name), h("div", { class: "muted" }, setting.doc)), setting.kind, setting.default === undefined || setting.default === null ? badge("needed", "warn") : h("code", null, setting.default), setting.live ? "yes" : ""]);
  const metrics = (scenario.metrics ?? []).map((metric) => [h("div", null, h("code", null, metric.name), h("div", { class: "muted" }, metric.doc)), metric.kind]);
  const panel = (title, body) => h("section", { class: "panel wide" }, h("h3", null, title), h("div", { class: "body" }, body));
  const remove = () => openForm({
    title: `Delete ${name}?`,
    intro: "All of its versions go. Results of runs stay.",
    submit: "Delete",
    danger: true,
    async onSubmit() {
      await send("DELETE", path);
      app.refresh(true);
      location.hash = "#/";
    },
  });
  return h(
    "article",
    { class: "scenario" },
    h("header", { class: "title" }, h("a", { class: "back", href: "#/" }, "← All runs"), h("h1", { tabIndex: -1 }, scenario.name), h("p", { class: "muted facts-line" }, `${scenario.version}+${scenario.digest.slice(0, 8)}  ·  ${bytes(scenario.size_bytes)}  ·  ${moment(scenario.uploaded_at)}`)),
    scenario.doc && h("p", null, scenario.doc),
    h("div", { class: "actions" }, h("a", { class: "button primary", href: `#/start/${encodeURIComponent(name)}` }, "Start a run"), h("button", { type: "button", class: "danger", onclick: remove }, "Delete")),
    h("div", { class: "panels" },
      panel("Versions", table("Versions", ["Version", "#Size", "Uploaded", ""], versions)),
      settings.length > 0 && panel("Settings", table("Settings", ["Name", "Kind", "Default", "Live"], settings)),
      metrics.length > 0 && panel("Metrics of its own", table("Metrics", ["Name", "Kind"], metrics)),
      scenario.imports?.length > 0 && panel("What it imports", h("ul", { class: "samples" }, scenario.imports.map((each) => h("li", null, h("code", null, each)))))),
  );
}
