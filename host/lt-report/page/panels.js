// The tables of a run: each shows itself when there is something to show, and is made anew only when that changed.
import { badge, h, table } from "lt/dom.js";
import { bytes, clock, count, duration, exact, moment, plain, share, value } from "lt/format.js";

// Rows shown of a list; the rest is in the summary.
const ROWS_MAX = 50;

// A box that `draw(of)` fills; `of` picks what it is made of, and nothing is hidden.
function panel(title, of, draw, wide = false) {
  const body = h("div", { class: "body" });
  const node = h("section", { class: `panel ${wide ? "wide" : ""}`, hidden: true }, h("h3", null, title), body);
  let known;
  return {
    node,
    update(view) {
      const data = of(view);
      const key = JSON.stringify(data ?? null);
      if (key === known) return;
      known = key;
      const some = data !== null && data !== undefined && (!Array.isArray(data) || data.length > 0);
      node.hidden = !some;
      body.replaceChildren(...(some ? [draw(data)].flat() : []));
    },
  };
}

// Which versions users run: shown while there is more than one, or a swap to tell of.
export const versionsPanel = () => panel("Versions of the code", versions, drawVersions, true);

// All other panels, given `{run, snapshot, history, summary}` at each update.
export function panels() {
  return [
    panel("Thresholds", thresholds, drawThresholds),
    panel("Checks", ({ snapshot, summary }) => (snapshot?.checks?.length ? snapshot.checks : summary?.checks), drawChecks),
    panel("Errors", ({ snapshot }) => snapshot?.errors, drawErrors),
    panel("Failures of users", failures, drawFailures, true),
    panel("Media streams", ({ snapshot }) => snapshot?.streams, drawStreams, true),
    panel("Deliveries", ({ snapshot }) => snapshot?.deliveries, drawDeliveries),
    panel("Steady state", ({ snapshot }) => snapshot?.steady, drawSteady),
    panel("Scenarios and their load", ({ run }) => run.parts?.filter((part) => part.load !== undefined), drawParts, true),
    panel("Generator", ({ run, snapshot }) => snapshot?.generator && { ...snapshot.generator, host: run.host }, drawGenerator),
    panel("Changes and annotations", ({ history }) => history.marks, drawMarks, true),
    panel("Warnings", ({ snapshot, summary }) => (summary?.warnings?.length ? summary.warnings : snapshot?.warnings), drawWarnings, true),
  ];
}

// How thresholds stand; before the first snapshot what they are.
function thresholds({ run, snapshot, summary }) {
  if (snapshot?.thresholds?.length) return snapshot.thresholds;
  if (summary?.thresholds?.length) return summary.thresholds.map((each) => ({ source: `${each.metric}:${each.expression}`, ok: each.ok, value: each.value }));
  return run.thresholds?.map((source) => ({ source, ok: null }));
}

const drawThresholds = (all) =>
  table("Thresholds", ["Threshold", "#Value", "State"], all.map((each) => [
    h("code", null, each.source),
    each.ok === null ? "–" : exact(each.value),
    each.ok === null ? badge("no samples yet", "idle") : each.ok ? badge("✓ holds", "good") : badge("✗ crossed", "bad"),
  ]));

const drawChecks = (all) =>
  table("Checks", ["Check", "#Passed", "#Failed", "State"], all.slice(0, ROWS_MAX).map((each) => {
    const total = each.passes + each.fails;
    const name = [each.group && h("span", { class: "muted" }, `${path(each.group)} › `), each.name];
    return [h("span", null, name), count(each.passes), count(each.fails), each.fails === 0 ? badge("✓ all", "good") : badge(`✗ ${share(each.passes / total)}`, "bad")];
  }));

// A group's path, for people.
export const path = (group) => group.split("::").filter(Boolean).join(" › ");

const drawErrors = (all) => table("Errors", ["Kind", "#Times"], all.slice(0, ROWS_MAX).map((each) => [h("code", null, each.code), count(each.count)]));

function failures({ snapshot, summary }) {
  if (snapshot?.failures?.length) return snapshot.failures;
  return summary?.failures?.map((each) => ({ class: each.class, count: each.count, samples: each.messages.map((message) => message.text) }));
}

const drawFailures = (all) =>
  table("Failures of users", ["Class", "#Times", "Messages"], all.map((each) => [
    badge(each.class, "bad"),
    count(each.count),
    h("ul", { class: "samples" }, (each.samples ?? []).map((text) => h("li", null, text))),
  ]));

// By part, with the swap of each.
function versions({ run, snapshot }) {
  const now = new Map();
  for (const part of run.parts ?? []) now.set(part.name, { part: part.name, swap: part.swap, versions: part.versions ?? [] });
  const told = Map.groupBy(snapshot?.versions ?? [], (version) => version.part);
  for (const [part, list] of told) now.set(part, { part, swap: now.get(part)?.swap, versions: list });
  return [...now.values()].filter((each) => each.versions.length > 1 || (each.swap && each.versions.length > 0));
}

const SWAP_STATES = { rolling_out: ["rolling out", "busy"], canary: ["canary", "busy"], complete: ["complete", "good"], rolled_back: ["rolled back", "bad"] };

function drawVersions(parts) {
  const several = parts.length > 1;
  return parts.map(({ part, swap, versions }) => {
    const users = versions.reduce((sum, version) => sum + version.users, 0);
    return h("div", { class: "versions" }, several && h("h4", null, part), swap && drawSwap(swap), users > 0 && drawBar(versions, users), table(
      `Versions of ${part}`,
      ["Version", "#Users", "#Share", "#Iterations", "#Failures", "#Failed joins"],
      versions.map((version, at) => [
        h("span", null, swatch(at), h("code", null, version.label), " ", version.current && badge("new users", "busy")),
        count(version.users),
        share(version.share),
        count(version.iterations),
        version.failures > 0 ? badge(count(version.failures), "bad") : "0",
        version.joins_failed > 0 ? badge(count(version.joins_failed), "bad") : "0",
      ]),
    ));
  });
}

function drawSwap(swap) {
  const [text, kind] = SWAP_STATES[swap.state] ?? [swap.state, "idle"];
  const took = Number.isFinite(swap.completed_elapsed_ms) ? ` in ${duration(swap.completed_elapsed_ms - swap.started_elapsed_ms)}` : "";
  return h("p", null, badge(text, kind), ` ${swap.from} → ${swap.to}`, swap.share < 1 && `, ${share(swap.share)} of the users`, took, swap.drain === false && ", running users keep their code", swap.reason && `: ${swap.reason}`);
}

function swatch(at) {
  const node = h("i", { class: "swatch" });
  node.style.background = `var(--line-${(at % 6) + 1})`;
  return node;
}

function drawBar(versions, users) {
  const words = versions.map((version) => `${version.label} ${count(version.users)}`).join(", ");
  return h("div", { class: "bar", role: "img", "aria-label": `Users by version: ${words}` }, versions.map((version, at) => {
    const piece = h("i", { title: `${version.label}: ${count(version.users)} users` });
    piece.style.width = `${(100 * version.users) / users}%`;
    piece.style.background = `var(--line-${(at % 6) + 1})`;
    return piece;
  }));
}

const facts = (pairs) => h("dl", { class: "facts" }, pairs.filter(([, text]) => text !== undefined && text !== null).map(([name, text]) => h("div", null, h("dt", null, name), h("dd", null, text))));

function drawStreams(all) {
  const worst = all.worst?.length
    ? table("Streams that stand worst", ["User", "Stream", "State", "#Lag", "#kbit/s"], all.worst.map((each) => [each.user, `${each.direction === "publish" ? "↑" : "↓"} ${each.name}`, badge(each.lagged ? `${each.state}, lagged` : each.state, each.lagged || each.state === "failed" ? "bad" : each.state === "stalled" ? "warn" : "idle"), duration(each.lag_ms), plain(each.kbps)]))
    : null;
  return [facts([
    ["Asked for", count(all.asked)],
    ["Established", count(all.established)],
    ["Playing", count(all.playing)],
    ["Publishing", count(all.publishing)],
    ["Lagged", count(all.lagged)],
    ["Stalled", count(all.stalled)],
    ["Failed", count(all.failed)],
    ["Together", `${plain(all.kbps)} kbit/s`],
  ]), worst].filter(Boolean);
}

const drawDeliveries = (all) =>
  facts([
    ["Sent", count(all.sent)],
    ["Received", count(all.received)],
    ["Lost", count(all.lost)],
    ["Excused", count(all.excused)],
    ["Outstanding", count(all.outstanding)],
    ["Time p50", duration(all.p50)],
    ["Time p95", duration(all.p95)],
    ["Time p99", duration(all.p99)],
  ]);

const drawSteady = (steady) => facts([["Steady users", `${count(steady.users)} of ${count(steady.asked)}`]]);

const drawParts = (parts) =>
  table("Scenarios and their load", ["Name", "Scenario", "Version", "Load", "#Users", "Settings"], parts.map((part) => [
    part.name,
    part.scenario ?? "",
    h("code", null, (part.versions ?? []).filter((version) => version.current).map((version) => version.label ?? version.version).join(", ")),
    h("span", null, part.load, part.paused && [" ", badge("paused", "warn")]),
    `${count(part.users_active ?? 0)} / ${count(part.users_planned ?? 0)}`,
    h("ul", { class: "samples" }, Object.entries(part.settings ?? {}).map(([name, text]) => h("li", null, h("code", null, `${name}=${text}`)))),
  ]));

const drawGenerator = (all) => [
  facts([
    ["Host", all.host],
    ["Processor", share(all.cpu_share)],
    ["Memory", bytes(all.resident_bytes)],
    ["Descriptors", count(all.descriptors)],
  ]),
  all.saturated ? h("p", null, badge("saturated", "bad"), ` ${all.saturated}`) : h("p", { class: "muted" }, "Not saturated: the numbers are the target's, not the generator's."),
];

const drawMarks = (marks) =>
  table("Changes and annotations", ["After", "What"], marks.toReversed().map((mark) => [
    h("span", { title: mark.time ? moment(mark.time) : "" }, clock(mark.elapsed_ms)),
    h("span", null, mark.kind === "refused" && [badge("refused", "bad"), " "], mark.kind === "note" && [badge("note", "busy"), " "], mark.text),
  ]));

const drawWarnings = (all) => h("ul", { class: "samples" }, all.map((text) => h("li", null, text)));

// The biggest numbers, in words: `[name, figure, note, kind]`.
export function figures({ run, snapshot, summary, history }) {
  const now = snapshot ?? {};
  const failed = (now.failures ?? []).reduce((sum, each) => sum + each.count, 0);
  const trend = mainTrend(history);
  const latest = trend && now.trends?.[trend];
  const whole = trend && summary?.metrics?.find((metric) => metric.name === trend)?.values;
  const p95 = whole ? whole["p(95)"] : latest?.p95;
  const errors = (now.errors ?? []).reduce((sum, each) => sum + each.count, 0);
  const list = [
    ["Users", count(now.users?.active ?? 0), `${count(now.users?.planned ?? 0)} planned`],
    ["Iterations", rate(now.iterations?.rate), `${count(now.iterations?.completed ?? 0)} done${now.iterations?.dropped ? `, ${count(now.iterations.dropped)} dropped` : ""}`, now.iterations?.dropped ? "warn" : ""],
  ];
  if (now.requests) list.push(["Requests", rate(now.requests.rate), `${count(now.requests.completed)} done`]);
  list.push([
    trend ? `p95 of ${trend}` : "p95",
    trend ? value(p95, history.trends.get(trend)) : "–",
    whole ? "of the whole run" : latest ? `p99 ${value(latest.p99, latest.contains)}` : "no sample in the last second",
  ]);
  const share_ = now.requests?.failed_share;
  list.push(["Errors", count(errors + failed), [now.requests && `${share(share_)} of requests`, `${count(failed)} failures of users`].filter(Boolean).join(", "), errors + failed > 0 ? "bad" : ""]);
  const cpu = now.generator?.cpu_share;
  list.push(["Generator", Number.isFinite(cpu) ? `${Math.round(cpu * 100)}%` : "–", now.generator?.saturated ? "saturated" : "of its processors", now.generator?.saturated ? "bad" : ""]);
  return list;
}

const rate = (number) => (Number.isFinite(number) ? `${plain(number)}/s` : "–");

// What a run of this kind is judged by, if nothing else is chosen.
const MAIN = ["http_req_duration", "delivery_time", "xmpp_message_delivery", "xmpp_request_duration", "ws_connecting", "rtmp_lag", "xmpp_connecting", "rtmp_connecting", "iteration_duration"];

export function mainTrend(history) {
  return MAIN.find((name) => history.trends.has(name)) ?? [...history.trends.keys()].sort()[0];
}
