// What a run was, snapshot by snapshot, in bounded memory.

// More points than a chart has pixels. When there are twice as many, neighbours become one.
const POINTS = 1000;
// Changes and annotations listed and marked.
const MARKS_MAX = 300;

export class History {
  constructor() {
    this.points = [];
    this.latest = null;
    this.trends = new Map();
    this.codes = [];
    this.marks = [];
    this.seen = new Set();
  }

  // The next snapshot; one that is known already is passed over, as after a connection was made again.
  push(snapshot) {
    if (!snapshot || (this.latest && snapshot.seq <= this.latest.seq)) return false;
    this.latest = snapshot;
    for (const [name, trend] of Object.entries(snapshot.trends ?? {})) this.trends.set(name, trend.contains);
    for (const { code } of snapshot.errors ?? []) if (!this.codes.includes(code)) this.codes.push(code);
    for (const what of snapshot.changes ?? []) this.mark({ elapsed_ms: snapshot.elapsed_ms, what });
    this.points.push(point(snapshot));
    if (this.points.length >= 2 * POINTS) this.points = halved(this.points);
    return true;
  }

  // A change or an annotation. The host tells each in two or three ways, within a second or two: as an event of its own, among the
  // changes of a snapshot, and in its list of annotations. Which came first, counts.
  mark(told) {
    const mark = { elapsed_ms: told.elapsed_ms, time: told.time, ...meaning(told) };
    if (!mark.text) return;
    const near = [0, 1, -1].map((off) => `${Math.round(mark.elapsed_ms / 2000) + off} ${mark.kind} ${mark.text}`);
    if (near.some((key) => this.seen.has(key))) return;
    this.seen.add(near[0]);
    this.marks.push(mark);
    this.marks.sort((one, other) => one.elapsed_ms - other.elapsed_ms);
    if (this.marks.length > MARKS_MAX) this.marks.shift();
  }

  // Seconds since the start, for the axis below each chart.
  get times() {
    return this.points.map((each) => each.at);
  }

  // One number of each point; what is not there is a gap.
  series(of) {
    return this.points.map((each) => of(each) ?? null);
  }

  // Errors a second by code: the most frequent ones, in the order in which they came up, so that each keeps its colour.
  errors(most) {
    const frequent = new Set((this.latest?.errors ?? []).slice(0, most).map((error) => error.code));
    const codes = this.codes.filter((code) => frequent.has(code));
    const rates = codes.map((code) => {
      let before = 0;
      let at = 0;
      return this.points.map((each) => {
        const now = each.errors.get(code) ?? before;
        const rate = Math.max(0, now - before) / Math.max(0.001, each.at - at);
        before = now;
        at = each.at;
        return rate;
      });
    });
    return { codes, rates };
  }
}

const NOTE = "note: ";
const REFUSED = "refused: ";

// What was told: a note, a change, or one that was refused.
function meaning({ text, what, tags, refused }) {
  if (text !== undefined) return { kind: "note", text: tags?.length ? `${text} [${tags.join(", ")}]` : text };
  if (typeof refused === "string") return { kind: "refused", text: `${what}: ${refused}` };
  if (what?.startsWith(REFUSED)) return { kind: "refused", text: what.slice(REFUSED.length) };
  if (what?.startsWith(NOTE)) return { kind: "note", text: what.slice(NOTE.length) };
  return { kind: "change", text: what };
}

// What charts need of a snapshot.
function point(snapshot) {
  const counter = (name) => snapshot.counters?.[name]?.rate;
  return {
    at: snapshot.elapsed_ms / 1000,
    active: snapshot.users?.active,
    planned: snapshot.users?.planned,
    iterations: snapshot.iterations?.rate,
    requests: snapshot.requests?.rate,
    sent: counter("data_sent"),
    received: counter("data_received"),
    cpu: snapshot.generator?.cpu_share,
    playing: snapshot.streams?.playing,
    lagged: snapshot.streams?.lagged,
    stalled: snapshot.streams?.stalled,
    kbps: snapshot.streams?.kbps,
    outstanding: snapshot.deliveries?.outstanding,
    lost: snapshot.deliveries?.lost,
    trends: snapshot.trends ?? {},
    errors: new Map((snapshot.errors ?? []).map((error) => [error.code, error.count])),
  };
}

// Every two neighbours as one: rates and users as their average, percentiles as the higher ones, so that no peak is lost.
function halved(points) {
  const kept = [];
  for (let at = 0; at + 1 < points.length; at += 2) kept.push(joined(points[at], points[at + 1]));
  if (points.length % 2 === 1) kept.push(points.at(-1));
  return kept;
}

function joined(one, other) {
  const both = { ...other, trends: { ...one.trends } };
  for (const [name, value] of Object.entries(other)) {
    if (typeof value === "number" && typeof one[name] === "number" && name !== "at") both[name] = (value + one[name]) / 2;
  }
  for (const [name, trend] of Object.entries(other.trends)) {
    const before = one.trends[name];
    both.trends[name] = before ? { ...trend, ...highest(before, trend) } : trend;
  }
  return both;
}

const highest = (one, other) => Object.fromEntries(["p50", "p95", "p99", "max"].map((name) => [name, Math.max(one[name], other[name])]));
