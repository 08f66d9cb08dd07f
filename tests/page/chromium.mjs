// A headless Chromium over its own pipe (the DevTools protocol, no port and no library), and a page in it as a person uses it.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

// How long anything on the page may take on a machine whose cores are busy with other tests.
const LIMIT_MS = 60_000;
const LOOK_AGAIN_MS = 50;
// Nothing of the browser's own goes out; and as root, or in a container, it has no sandbox of its own.
const FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--no-default-browser-check", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--remote-debugging-pipe"];

export class Browser {
  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), "lt-tests-chromium-"));
    this.process = spawn("chromium", [...FLAGS, `--user-data-dir=${this.directory}`, "about:blank"], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.calls = new Map();
    this.listeners = [];
    this.number = 0;
    this.ended = new Promise((resolve) => this.process.on("exit", resolve));
    let rest = Buffer.alloc(0);
    this.process.stdio[4].on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        this.take(JSON.parse(rest.subarray(0, end).toString()));
        rest = rest.subarray(end + 1);
      }
    });
    this.process.stdio[3].on("error", () => {});
    this.process.on("error", (error) => fail(`Chromium does not start: ${error.message}`));
  }

  take(message) {
    if (message.id === undefined) {
      for (const listener of this.listeners) listener(message);
      return;
    }
    const call = this.calls.get(message.id);
    this.calls.delete(message.id);
    if (message.error) call.reject(new Error(`${call.method}: ${message.error.message}`));
    else call.resolve(message.result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = (this.number += 1);
    return new Promise((resolve, reject) => {
      this.calls.set(id, { method, resolve, reject });
      this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  async close() {
    await Promise.race([this.send("Browser.close").catch(() => {}), this.ended]);
    await this.ended;
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  }

  // A page of its own. `pictures` is where its pictures go; `isOurs` says of an URL whether it may be asked for.
  async page({ pictures, isOurs }) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    const page = new Page(this, sessionId, pictures);
    this.listeners.push((message) => message.sessionId === sessionId && page.told(message, isOurs));
    for (const domain of ["Page", "Runtime", "Log", "Network", "DOM"]) await page.send(`${domain}.enable`);
    return page;
  }
}

export class Page {
  constructor(browser, sessionId, pictures) {
    Object.assign(this, { browser, sessionId, pictures });
    this.problems = [];
    // What is complained about on purpose, as texts.
    this.expected = [];
  }

  send(method, params) {
    return this.browser.send(method, params, this.sessionId);
  }

  // Everything that a developer would see in red: exceptions, violations of the policy, failed loads; and requests elsewhere.
  told({ method, params }, isOurs) {
    const complain = (text) => this.expected.some((known) => text.includes(known)) || this.problems.push(text);
    if (method === "Runtime.exceptionThrown") complain(`exception: ${params.exceptionDetails.exception?.description ?? params.exceptionDetails.text}`);
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) complain(`console: ${params.args.map((each) => each.value ?? each.description).join(" ")}`);
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) complain(`log: ${params.entry.text} ${params.entry.url ?? ""}`);
    if (method === "Network.requestWillBeSent" && !isOurs(params.request.url)) complain(`a request left the host: ${params.request.url.slice(0, 200)}`);
  }

  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }

  // Waits until the expression is true of the page, and gives its value.
  async until(what, expression) {
    const end = Date.now() + LIMIT_MS;
    let error;
    for (;;) {
      try {
        const value = await this.evaluate(expression);
        if (value) return value;
      } catch (thrown) {
        // While another document loads.
        error = thrown;
      }
      if (Date.now() > end) throw new Error(`it did not come to this: ${what} (${expression})${error ? `, ${error.message}` : ""}\nThe page reads:\n${await this.evaluate("document.body.innerText")}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    }
  }

  untilText(text, within = "main") {
    return this.until(`"${text}" is seen`, `document.querySelector(${JSON.stringify(within)})?.innerText.includes(${JSON.stringify(text)})`);
  }

  async look({ width, dark }) {
    await this.send("Emulation.setDeviceMetricsOverride", { width, height: width < 500 ? 844 : 900, deviceScaleFactor: 1, mobile: width < 500 });
    await this.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }, { name: "prefers-reduced-motion", value: "reduce" }] });
  }

  // Presses a button or follows a link with the mouse, as a person does: it must be there, shown, and not covered.
  async click(text, within = "body") {
    const place = await this.until(
      `"${text}" can be pressed`,
      `(() => {
        const all = [...document.querySelectorAll(${JSON.stringify(within)} + " :is(button, a, summary)")];
        const one = all.find((each) => each.innerText.trim() === ${JSON.stringify(text)} && !each.disabled && each.checkVisibility());
        if (!one) return null;
        one.scrollIntoView({ block: "center", behavior: "instant" });
        const box = one.getBoundingClientRect();
        const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
        const top = document.elementFromPoint(at.x, at.y);
        return one.contains(top) ? at : null;
      })()`,
    );
    for (const type of ["mousePressed", "mouseReleased"]) await this.send("Input.dispatchMouseEvent", { type, ...place, button: "left", clickCount: 1 });
  }

  // Puts text into the field of this name, in the place of what it holds.
  async fill(name, text, within = "main") {
    const field = `document.querySelector(${JSON.stringify(`${within} [name="${name}"]`)})`;
    await this.until(`there is a field ${name}`, `${field}?.checkVisibility()`);
    await this.evaluate(`(() => { const field = ${field}; field.focus(); field.select(); })()`);
    await this.send("Input.insertText", { text });
  }

  async choose(name, text, within = "main") {
    await this.until(
      `${name} offers ${text}`,
      `(() => {
        const field = document.querySelector(${JSON.stringify(`${within} select[name="${name}"]`)});
        const option = [...(field?.options ?? [])].find((each) => each.text.includes(${JSON.stringify(text)}));
        if (!option) return false;
        field.value = option.value;
        field.dispatchEvent(new Event("change", { bubbles: true }));
        return true;
      })()`,
    );
  }

  async key(key, modifiers = 0) {
    const codes = { Tab: 9, Enter: 13, Escape: 27, " ": 32, ArrowLeft: 37 };
    const about = { key, code: key === " " ? "Space" : key, windowsVirtualKeyCode: codes[key], modifiers, text: key === "Enter" ? "\r" : key === " " ? " " : undefined };
    await this.send("Input.dispatchKeyEvent", { type: about.text ? "keyDown" : "rawKeyDown", ...about });
    await this.send("Input.dispatchKeyEvent", { type: "keyUp", ...about, text: undefined });
  }

  // Chooses a file, as the browser's own dialog would.
  async pick(selector, file) {
    const { root } = await this.send("DOM.getDocument", {});
    const { nodeId } = await this.send("DOM.querySelector", { nodeId: root.nodeId, selector });
    await this.send("DOM.setFileInputFiles", { nodeId, files: [file] });
  }

  // Drags a file from outside onto the page, and lets it go.
  async drop(file) {
    const data = { items: [], files: [file], dragOperationsMask: 1 };
    for (const type of ["dragEnter", "dragOver", "drop"]) {
      await this.send("Input.dispatchDragEvent", { type, x: 700, y: 500, data });
      if (type === "dragOver") await this.until("the page says what dropping does", `document.querySelector(".drop")?.checkVisibility()`);
    }
  }

  // A picture of the whole page, which must not be wider than its window. Charts are drawn anew when the window changes, in a frame
  // of their own: two frames later all is there.
  async picture(name) {
    await this.evaluate("scrollTo(0, 0); new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))");
    const { width, height, inner } = await this.evaluate("({ width: document.documentElement.scrollWidth, height: document.documentElement.scrollHeight, inner: innerWidth })");
    if (width > inner) throw new Error(`${name}: the page is ${width} pixels wide in a window of ${inner}`);
    const clip = { x: 0, y: 0, width: inner, height, scale: 1 };
    const { data } = await this.send("Page.captureScreenshot", { captureBeyondViewport: true, clip });
    mkdirSync(this.pictures, { recursive: true });
    writeFileSync(join(this.pictures, `${name}.png`), Buffer.from(data, "base64"));
  }

  // What stands out too little from what is behind it (WCAG 2.1, 1.4.3: 4.5 to 1), as texts.
  faint() {
    return this.evaluate(`(${faint})()`);
  }

  // Walks through the page with Tab, and gives what can be used and was not reached.
  async unreached() {
    const wanted = `[...document.querySelectorAll("a[href], button, input, select, summary")].filter((each) => !each.disabled && each.tabIndex >= 0 && each.checkVisibility())`;
    await this.evaluate("document.activeElement?.blur(); globalThis.reached = new Set(); scrollTo(0, 0)");
    const count = await this.evaluate(`${wanted}.length`);
    // Tables and charts can be reached too, to be scrolled and read.
    for (let at = 0; at < 3 * count + 30; at += 1) {
      await this.key("Tab");
      await this.evaluate("globalThis.reached.add(document.activeElement)");
    }
    return this.evaluate(`${wanted}.filter((each) => !globalThis.reached.has(each)).map((each) => each.outerHTML.slice(0, 120))`);
  }
}

// Runs in the page.
function faint() {
  const parse = (text) => {
    const numbers = text.match(/[\d.]+%?/g).map((part) => (part.endsWith("%") ? parseFloat(part) / 100 : parseFloat(part)));
    const scale = text.startsWith("color(") ? 255 : 1;
    return [...numbers.slice(0, 3).map((each) => each * scale), numbers[3] ?? 1];
  };
  const over = (top, below) => top.slice(0, 3).map((each, at) => each * top[3] + below[at] * (1 - top[3]));
  const behind = (element) => {
    const layers = [];
    for (let each = element; each; each = each.parentElement) layers.push(parse(getComputedStyle(each).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const light = (colour) => {
    const [red, green, blue] = colour.map((each) => (each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const found = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data.trim()).join("");
    if (!text || !element.checkVisibility() || element.closest("script, noscript, .unseen, :disabled")) continue;
    const back = behind(element);
    const [one, other] = [light(over(parse(getComputedStyle(element).color), back)), light(back)].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    if (ratio < 4.5) found.push(`${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  return found;
}

export function check(truth, what) {
  if (!truth) throw new Error(what);
}

export function fail(text) {
  console.error(text);
  process.exit(1);
}

// Runs a test: what it throws, and what the page complained of, is a failure.
export async function test(work) {
  const browser = new Browser();
  let code = 0;
  try {
    await work(browser);
  } catch (error) {
    console.error(error.stack);
    code = 1;
  }
  await browser.close();
  process.exit(code);
}
