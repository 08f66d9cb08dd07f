// Lines over time, drawn by uPlot, with a legend of our own that shows what is under the pointer, or else the last values.
import { h, put } from "lt/dom.js";
import { clock } from "lt/format.js";

const HEIGHT = 190;
const COLOURS = ["--line-1", "--line-2", "--line-3", "--line-4", "--line-5", "--line-6"];
// Distances of the marks of time: whole seconds, minutes, hours and days.
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800];
const MARK_PIXELS = 5;
const charts = new Set();

// Colours as the theme has them now. A canvas must be given what `light-dark()` comes to, which only an element tells.
function colour(name) {
  const probe = document.body.appendChild(h("i", { hidden: true }));
  probe.style.color = `var(${name})`;
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

// Draws all charts again, in the colours of another theme.
export function recolour() {
  for (const chart of charts) chart.rebuild();
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);

// A chart: `title`, `format` of its values, `colours` of its lines, and what is said while it is `empty`. `controls` stand beside
// the title.
export class Chart {
  constructor({ title, format, controls, colours = COLOURS, empty = "Nothing measured yet." }) {
    this.format = format;
    this.colours = colours;
    this.names = [];
    this.data = [[]];
    this.marks = [];
    this.legend = h("div", { class: "legend" });
    this.plot = h("div", { class: "plot", role: "img", tabIndex: 0, onkeydown: (event) => this.step(event) });
    this.title = title;
    this.empty = h("p", { class: "muted empty" }, empty);
    this.node = h("section", { class: "chart", "aria-label": title }, h("header", null, h("h3", null, title), controls), this.legend, this.plot, this.empty);
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.plot);
    charts.add(this);
  }

  // New data: seconds, and a list of numbers for each name. `null` is a gap.
  update(names, times, lines, marks = []) {
    const same = names.length === this.names.length && names.every((name, at) => name === this.names[at]);
    this.names = names;
    this.data = [times, ...lines];
    this.marks = marks;
    const some = times.length > 0 && lines.some((line) => line.some((value) => value !== null));
    this.empty.hidden = some;
    this.plot.hidden = !some;
    this.legend.hidden = !some;
    if (!some) return;
    if (!this.view || !same) this.rebuild();
    else this.view.setData(this.data);
    this.tell();
  }

  rebuild() {
    if (this.names.length === 0 || this.plot.hidden) return;
    const width = this.plot.clientWidth;
    if (width === 0) return;
    this.view?.destroy();
    this.items = this.names.map((name, at) => {
      const value = h("b", null, "–");
      const swatch = h("i", { class: "swatch" });
      swatch.style.background = `var(${this.colours[at % this.colours.length]})`;
      return { value, node: h("span", { class: "key" }, swatch, name, " ", value) };
    });
    this.legend.replaceChildren(...this.items.map((item) => item.node));
    this.view = new globalThis.uPlot(this.options(width), this.data, this.plot);
    this.tell();
  }

  options(width) {
    const [muted, grid, mark] = ["--muted", "--grid", "--mark"].map(colour);
    const font = "11px system-ui, sans-serif";
    const axis = { stroke: muted, font, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1, size: 4 } };
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { sync: { key: "run" }, drag: { x: true, y: false }, points: { size: 6 }, y: false },
      scales: { x: { time: false }, y: { range: (_, low, high) => [Math.min(0, low ?? 0), high > 0 ? high * 1.1 : 1] } },
      axes: [
        { ...axis, size: 28, space: 70, incrs: SECONDS, values: (_, ticks) => ticks.map((tick) => clock(tick * 1000)) },
        { ...axis, size: (_, values) => Math.max(36, 14 + 6.4 * Math.max(0, ...(values ?? []).map((text) => text.length))), space: 34, values: (_, ticks) => ticks.map((tick) => this.format(tick)) },
      ],
      series: [
        {},
        ...this.names.map((name, at) => {
          const stroke = colour(this.colours[at % this.colours.length]);
          return { label: name, stroke, width: 1.75, spanGaps: true, points: { show: this.data[0].length < 3, size: 5, fill: stroke } };
        }),
      ],
      hooks: { setCursor: [() => this.tell()], draw: [(view) => drawMarks(view, this.marks, mark)] },
    };
  }

  // The values under the cursor, or the last ones; in words too, for those who do not see the canvas.
  tell() {
    if (!this.items) return;
    const under = this.view?.cursor?.idx;
    const at = Number.isInteger(under) ? under : this.data[0].length - 1;
    this.items.forEach((item, line) => put(item.value, this.text(line, at)));
    const last = this.data[0].length - 1;
    const words = this.names.map((name, line) => `${name} ${this.text(line, last)}`);
    this.plot.setAttribute("aria-label", `${this.title}, after ${clock((this.data[0][last] ?? 0) * 1000)}: ${words.join(", ")}`);
  }

  text(line, at) {
    const value = this.data[line + 1]?.[at];
    return value === null || value === undefined ? "–" : this.format(value);
  }

  // Arrow keys move the cursor as a pointer does.
  step(event) {
    const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!move || !this.view) return;
    event.preventDefault();
    const times = this.data[0];
    const from = Number.isInteger(this.view.cursor.idx) ? this.view.cursor.idx : times.length - 1;
    const to = Math.max(0, Math.min(times.length - 1, from + move));
    this.view.setCursor({ left: this.view.valToPos(times[to], "x"), top: 10 });
  }

  resize() {
    const width = this.plot.clientWidth;
    if (width === 0) return;
    if (!this.view) this.rebuild();
    else if (width !== this.view.width) this.view.setSize({ width, height: HEIGHT });
  }

  destroy() {
    charts.delete(this);
    this.observer.disconnect();
    this.view?.destroy();
  }
}

// A line from top to bottom for each change, and a small triangle on it.
function drawMarks(view, marks, stroke) {
  const { ctx, bbox } = view;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = stroke;
  ctx.fillStyle = stroke;
  ctx.lineWidth = ratio;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  for (const mark of marks) {
    const x = Math.round(view.valToPos(mark.elapsed_ms / 1000, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    const size = MARK_PIXELS * ratio;
    ctx.beginPath();
    ctx.moveTo(x - size, bbox.top);
    ctx.lineTo(x + size, bbox.top);
    ctx.lineTo(x, bbox.top + size);
    ctx.fill();
  }
  ctx.restore();
}
