// Numbers with units, as the terminal shows them.

const cut = (number, digits) => Math.trunc(number * 10 ** digits + 1e-7) / 10 ** digits;

// Milliseconds: `140.36µs`, `1.2s`, `1m30s`, `2h0m5s`.
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "–";
  if (ms < 0) return `-${duration(-ms)}`;
  if (ms === 0) return "0s";
  if (ms < 0.001) return `${Math.trunc(ms * 1e6 + 1e-7)}ns`;
  if (ms < 1) return `${cut(ms * 1000, 2)}µs`;
  if (ms < 1000) return `${cut(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0)}ms`;
  if (ms < 60_000) return `${cut(ms / 1000, 2)}s`;
  return clock(ms);
}

// Whole seconds: `0s`, `59s`, `1m30s`, `2h0m5s`, `3d4h`.
export function clock(ms) {
  if (!Number.isFinite(ms)) return "–";
  const seconds = Math.max(0, Math.trunc(ms / 1000));
  const [minutes, hours, days] = [60, 3600, 86_400].map((size) => Math.trunc(seconds / size));
  if (days > 0) return `${days}d${hours % 24}h`;
  if (hours > 0) return `${hours}h${minutes % 60}m${seconds % 60}s`;
  return minutes > 0 ? `${minutes}m${seconds % 60}s` : `${seconds}s`;
}

// Bytes with a decimal prefix: `4.9 kB`, `519 kB`.
export function bytes(count) {
  if (!Number.isFinite(count)) return "–";
  const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
  let unit = 0;
  while (Math.abs(count) >= 1000 && unit + 1 < units.length) {
    count /= 1000;
    unit += 1;
  }
  const digits = unit > 0 && Math.abs(count) < 9.95 ? 1 : 0;
  return `${count.toFixed(digits)} ${units[unit]}`;
}

const grouped = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const few = new Intl.NumberFormat("en", { maximumFractionDigits: 2 });

// A count: all of its digits up to a million, then `1.23M`.
export function count(number) {
  if (number === null || number === undefined || !Number.isFinite(number)) return "–";
  if (Math.abs(number) >= 1e6) return short.format(number);
  return Number.isInteger(number) ? grouped.format(number) : plain(number);
}

// A number with as many digits as it is worth.
export function plain(number) {
  if (number === null || number === undefined || !Number.isFinite(number)) return "–";
  const size = Math.abs(number);
  if (size >= 1e6) return short.format(number);
  if (size >= 100) return grouped.format(number);
  if (size >= 10) return few.format(Math.round(number * 10) / 10);
  return few.format(number);
}

const exactly = new Intl.NumberFormat("en", { maximumSignificantDigits: 6 });

// A number as far as it matters to a comparison: 0.0123 does not hold below 0.01.
export const exact = (number) => (Number.isFinite(number) ? exactly.format(number) : "–");

// A share, cut and not rounded: 99.999 % is not all of them.
export function share(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  return `${cut(value * 100, 2).toFixed(2)}%`;
}

// By what a metric holds: `time`, `data`, `default`.
export function value(number, contains) {
  if (contains === "time") return duration(number);
  return contains === "data" ? bytes(number) : plain(number);
}

// A time of day with its date if it is not today's.
export function moment(text) {
  const date = new Date(text);
  if (!text || Number.isNaN(date.valueOf())) return "–";
  const time = date.toLocaleTimeString("en-GB");
  return date.toDateString() === new Date().toDateString() ? time : `${date.toISOString().slice(0, 10)} ${time}`;
}
