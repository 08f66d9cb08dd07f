// The numbers of a whole run, as the text summary has them.
import { h, table } from "lt/dom.js";
import { path } from "lt/panels.js";
import { bytes, count, duration, plain, share, value } from "lt/format.js";

const COLUMNS = ["avg", "min", "med", "max", "p(90)", "p(95)", "p(99)"];

// Tables of a `summary.json`: trends with their columns, then all other metrics.
export function summaryTables(summary) {
  const metrics = (summary?.metrics ?? []).filter((metric) => metric.name !== "user_failures");
  const rows = metrics.flatMap((metric) => [{ metric, values: metric.values, name: metric.name }, ...(metric.submetrics ?? []).map((part) => ({ metric, values: part.values, name: `{${part.selector}}`, nested: true }))]);
  const trends = rows.filter(({ metric }) => metric.type === "trend");
  const others = rows.filter(({ metric }) => metric.type !== "trend");
  const name = (row) => h("code", { class: row.nested ? "nested" : "" }, row.name);
  return [
    trends.length > 0 && section("Times and sizes", table("Trends", ["Metric", "#Samples", ...COLUMNS.map((column) => `#${column}`)], trends.map((row) => [name(row), count(row.values.count), ...COLUMNS.map((column) => value(row.values[column], row.metric.contains))]))),
    others.length > 0 && section("Counts, rates and levels", table("Counters, rates and gauges", ["Metric", "#Value", "", "Kinds"], others.map((row) => [name(row), ...cells(row), row.nested ? "" : kinds(row.metric)]))),
    summary?.groups?.length > 0 && section("Groups", table("Groups", ["Group", "#Times", "#avg", "#min", "#max"], summary.groups.map((group) => [path(group.path), count(group.count), duration(group.avg), duration(group.min), duration(group.max)]))),
    summary?.conclusions?.length > 0 && section("Conclusions", h("pre", null, summary.conclusions.join("\n"))),
  ].filter(Boolean);
}

const section = (title, body) => h("section", { class: "panel wide" }, h("h3", null, title), h("div", { class: "body" }, body));

function cells({ metric, values }) {
  if (metric.type === "rate") return [share(values.rate), `${count(values.passes)} of ${count(values.passes + values.fails)}`];
  if (metric.type === "gauge") return [value(values.value, metric.contains), `min ${value(values.min, metric.contains)}, max ${value(values.max, metric.contains)}`];
  const all = metric.contains === "data" ? bytes : plain;
  return [metric.contains === "data" ? bytes(values.count) : count(values.count), `${all(values.rate)}/s`];
}

function kinds(metric) {
  const all = Object.entries(metric.kinds ?? {}).sort(([, one], [, other]) => other - one);
  if (all.length === 0) return "";
  return h("ul", { class: "samples" }, all.slice(0, 10).map(([kind, times]) => h("li", null, `${count(times)} × ${kind}`)), all.length > 10 && h("li", { class: "muted" }, `and ${all.length - 10} more`));
}
