// Calls to the host. A refusal is an error with all that the host said of it; a token is asked for when the host wants one.
import { openForm } from "lt/form.js";

const TOKEN = "lt-token";
// A lost connection is tried again after these, in milliseconds.
const WAIT_MIN = 500;
const WAIT_MAX = 10_000;
// Nothing for so long, though the host writes a comment every 15 s: the connection is dead.
const SILENCE_MAX = 40_000;

// What the host said no to, and why.
export class Refusal extends Error {
  constructor(status, error) {
    super(error?.message ?? `The host answered with status ${status}.`);
    this.status = status;
    this.code = error?.code ?? "unknown";
    this.remedy = error?.remedy;
    this.problems = error?.problems ?? [];
  }
}

const listeners = new Set();
let reachable = true;

// Calls back when the host is lost and when it is there again.
export function onConnection(listener) {
  listeners.add(listener);
}

function reached(now) {
  if (now === reachable) return;
  reachable = now;
  for (const listener of listeners) listener(now);
}

const token = () => sessionStorage.getItem(TOKEN);

function headers(more) {
  const all = new Headers(more);
  const known = token();
  if (known) all.set("Authorization", `Bearer ${known}`);
  return all;
}

let asking;
let declined = false;
let onDeclined = () => {};

// Calls back when nobody wants to give the token (true) and when it was given after all: what asks by itself asks no more.
export function onTokenDeclined(listener) {
  onDeclined = listener;
}

// Whether a call that was refused with this token is worth another attempt: there is another token by now.
function renewed(used) {
  if (token() !== used) return true;
  return !declined && askToken();
}

// Asks for the token once, however many calls were refused.
export function askToken() {
  const again = token() !== null;
  asking ??= openForm({
    title: "This host wants a token",
    intro: again ? "The host did not take the token it was given." : "It is the one that the host was started with. It is kept until this tab is closed.",
    fields: [{ name: "token", label: "Token", type: "password", required: true }],
    submit: "Continue",
    onSubmit: (given) => sessionStorage.setItem(TOKEN, given.token.trim()),
  }).then((given) => {
    asking = undefined;
    declined = !given;
    onDeclined(declined);
    return given;
  });
  return asking;
}

// Whether downloads must go through a call, as a link could carry no token.
export const hasToken = () => token() !== null;

// A name for one wish: sent again it is the same wish. Not `randomUUID`, which plain HTTP pages lack.
const wish = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

async function attempt(path, options) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", credentials: "omit", redirect: "error", ...options, headers: headers(options.headers) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    reached(false);
    throw new Refusal(0, { code: "unreachable", message: "The host cannot be reached.", remedy: "It is tried again; see that lt-host serve still runs." });
  }
  reached(true);
  return response;
}

async function refusal(response) {
  const body = await response.json().catch(() => null);
  return new Refusal(response.status, body?.error);
}

// The response to a call that the host took.
export async function request(path, options = {}) {
  for (;;) {
    const used = token();
    const response = await attempt(path, options);
    if (response.ok) return response;
    if (response.status !== 401 || !(await renewed(used))) throw await refusal(response);
  }
}

export const get = async (path) => (await request(path)).json();

// A call with a JSON body; `once` makes a repeat of it harmless, `revision` has it refused if the run has changed since.
export async function send(method, path, body, { once = false, revision } = {}) {
  const more = {};
  if (body !== undefined) more["Content-Type"] = "application/json";
  if (once) more["Idempotency-Key"] = wish();
  if (revision !== undefined) more["If-Match"] = `"${revision}"`;
  const response = await request(path, { method, headers: more, body: body === undefined ? undefined : JSON.stringify(body) });
  return response.status === 204 ? null : response.json();
}

// A body of text that is no JSON.
export async function sendText(path, type, text) {
  return (await request(path, { method: "POST", headers: { "Content-Type": type, "Idempotency-Key": wish() }, body: text })).json();
}

// Sends a file and tells how far it is: only XMLHttpRequest does.
export async function upload(path, file, onProgress) {
  for (;;) {
    const used = token();
    const { status, text } = await transfer(path, file, onProgress);
    const body = parsed(text);
    if (status >= 200 && status < 300) return body;
    if (status !== 401 || !(await renewed(used))) throw new Refusal(status, body?.error);
  }
}

function transfer(path, file, onProgress) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open("PUT", path);
    for (const [name, text] of headers({ "Content-Type": "application/wasm" })) call.setRequestHeader(name, text);
    call.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    call.onload = () => resolve({ status: call.status, text: call.responseText });
    call.onerror = () => reject(new Refusal(0, { code: "unreachable", message: "The upload was cut off.", remedy: "The host may have refused it while it was sent: it may be too large." }));
    call.send(file);
  });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Until somebody looks at the page.
function shown(signal) {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true });
    signal.addEventListener("abort", resolve, { once: true });
  });
}

// Follows a stream of events until `signal` ends it or `onEvent` returns false. EventSource could carry no token, so this reads
// the body itself. A connection that is lost is made again, from the last event on. A page that nobody looks at has none: a
// browser makes only six to one host, for all its tabs together.
export async function follow(path, { signal, since, onEvent, onState = () => {} }) {
  let last = since;
  let wait = WAIT_MIN;
  while (!signal.aborted) {
    await shown(signal);
    const attempt = new AbortController();
    const leave = () => attempt.abort();
    const hide = () => document.hidden && attempt.abort();
    signal.addEventListener("abort", leave, { once: true });
    document.addEventListener("visibilitychange", hide);
    try {
      const more = { Accept: "text/event-stream" };
      if (last !== undefined) more["Last-Event-ID"] = String(last);
      const response = await request(path, { headers: more, signal: attempt.signal });
      onState("connected");
      for await (const event of events(response.body, attempt.signal)) {
        wait = WAIT_MIN;
        if (event.id !== undefined) last = event.id;
        if (onEvent(event.name, parsed(event.data)) === false) return;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Refusal && error.status >= 400 && error.status < 500 && error.status !== 408 && error.status !== 429) throw error;
    } finally {
      signal.removeEventListener("abort", leave);
      document.removeEventListener("visibilitychange", hide);
    }
    if (signal.aborted) return;
    if (document.hidden) continue;
    onState("lost");
    await pause(wait);
    wait = Math.min(wait * 2, WAIT_MAX);
  }
}

// The events in a body, as they come.
async function* events(body, signal) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (!signal.aborted) {
      const { done, value } = await within(reader.read(), SILENCE_MAX);
      if (done) return;
      rest += value;
      const blocks = rest.split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const event = read(block);
        if (event) yield event;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function within(promise, ms) {
  let timer;
  const late = new Promise((_, reject) => (timer = setTimeout(() => reject(new Error("silence")), ms)));
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function read(block) {
  const event = { name: "message", data: [], id: undefined };
  for (const line of block.split(/\r?\n/)) {
    const at = line.indexOf(":");
    if (at === 0) continue;
    const name = at < 0 ? line : line.slice(0, at);
    const text = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (name === "data") event.data.push(text);
    else if (name === "event") event.name = text;
    else if (name === "id") event.id = text;
  }
  return event.data.length > 0 ? { ...event, data: event.data.join("\n") } : null;
}
