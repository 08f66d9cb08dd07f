// The page of a served host, used as a person would: node serve.mjs HOST-URL TARGET-URL FIRST.wasm SECOND.wasm PICTURES
import { check, test } from "./chromium.mjs";

const [host, target, first, second, pictures] = process.argv.slice(2);
const WIDTHS = [1280, 390];

// The big figure of this name.
const figure = (name) => `[...document.querySelectorAll(".figure")].find((each) => each.querySelector("dt").innerText === "${name}")?.querySelector("dd").innerText`;
const state = `document.querySelector("main .state")?.innerText`;
// A chart that a person sees move: what it says of itself, and its pixels.
const chart = (title) => `[...document.querySelectorAll(".chart")].find((each) => each.querySelector("h3").innerText === "${title}")`;
const drawn = (title) => `(() => { const plot = ${chart(title)}?.querySelector(".plot"); return plot?.querySelector("canvas") && { words: plot.getAttribute("aria-label"), pixels: plot.querySelector("canvas").toDataURL() }; })()`;

await test(async (browser) => {
  const page = await browser.page({ pictures, isOurs: (url) => url.startsWith(host) || url.startsWith("data:") || url === "about:blank" });
  await page.look({ width: 1280, dark: false });
  await page.send("Page.navigate", { url: `${host}/` });

  await empty(page);
  await upload(page);
  await start(page);
  await watch(page);
  await addUsers(page);
  await swap(page);
  await settings(page);
  await refused(page);
  await pause(page);
  await looks(page, "run");
  await keyboard(page);
  await lost(page);
  await stop(page);
  await looks(page, "ended");
  await deepLink(page);
  check(page.problems.length === 0, `the page complained:\n${page.problems.join("\n")}`);
});

async function empty(page) {
  await page.untilText("No runs yet", "nav");
  await page.untilText("Nothing stored yet", "nav");
  await page.untilText("Scenarios may reach");
  await looks(page, "empty");
}

async function upload(page) {
  await page.pick("input[type=file]", first);
  await page.fill("name", "shop", "dialog");
  await page.click("Upload", "dialog");
  await page.until("the scenario is shown", `document.querySelector("main h1")?.innerText === "shop"`);
  await page.untilText("1.0.0");
  await page.untilText("The server, without a path");
  await looks(page, "scenario");
}

async function start(page) {
  await page.click("Start a run", "main");
  await page.click("Start", "main");
  await page.untilText("This is needed.");
  await page.fill("url", target);
  await page.fill("users", "5");
  await page.fill("duration", "10m");
  await page.fill("thresholds", "http_req_failed:rate<0.5");
  await looks(page, "start");
  await page.click("Start", "main");
  await page.until("the run is under way", `${state} === "running"`);
}

async function watch(page) {
  await page.until("all users are there", `${figure("Users")} === "5"`);
  for (const title of ["Users", "Iterations and requests", "Times"]) {
    const before = await page.until(`${title} is drawn`, drawn(title));
    await page.until(`${title} moves`, `(() => { const now = ${drawn(title)}; return now.words !== ${JSON.stringify(before.words)} && now.pixels !== ${JSON.stringify(before.pixels)}; })()`);
  }
  await page.until("iterations are counted", `parseFloat(${figure("Iterations")}) > 0`);
  await page.untilText("✓ holds");
}

async function addUsers(page) {
  await page.click("Add users", "main");
  await page.fill("count", "7", "dialog");
  await page.click("Add", "dialog");
  await page.until("they are there", `${figure("Users")} === "12"`);
  await page.until("the chart has them", `${chart("Users")}.querySelector(".plot").getAttribute("aria-label").includes("active 12")`);
}

async function swap(page) {
  await page.drop(second);
  await page.until("the name of the part is filled in", `document.querySelector("dialog [name=name]")?.value === "shop"`);
  await page.click("Upload", "dialog");
  await page.choose("version", "2.0.0", "dialog");
  await page.click("Swap", "dialog");
  await page.until("the versions are shown", `[...document.querySelectorAll(".panel h3")].some((each) => each.innerText === "Versions of the code" && each.checkVisibility())`);
  const rows = `[...document.querySelectorAll(".versions tbody tr")].map((row) => [...row.cells].map((cell) => cell.innerText))`;
  await page.until("all users run the second", `${rows}.some(([label, users]) => label.includes("2.0.0") && users === "12")`);
  await page.untilText("complete", ".versions");
  const failures = await page.evaluate(`${rows}.map((row) => row[4] + row[5])`);
  check(failures.every((each) => each === "00"), `iterations failed in the swap: ${failures}`);
}

async function settings(page) {
  await page.click("Settings", "main");
  await page.choose("mood", "calm", "dialog");
  await page.click("Change", "dialog");
  await page.untilText("mood=calm");
  await page.click("Annotate", "main");
  await page.fill("text", "Cache <b>cleared</b>", "dialog");
  await page.click("Annotate", "dialog");
  await page.untilText("Cache <b>cleared</b>");
}

async function refused(page) {
  page.expected.push("422");
  await page.click("Thresholds and tags", "main");
  await page.fill("thresholds", "no_such_metric:rate<<1", "dialog");
  await page.click("Change", "dialog");
  await page.until("the refusal is shown", `[...document.querySelectorAll("dialog .refusal, dialog .error")].some((each) => each.checkVisibility() && each.innerText.length > 10)`);
  await page.picture("refused");
  await page.key("Escape");
  await page.until("the dialog is gone", `!document.querySelector("dialog")`);
}

async function pause(page) {
  await page.click("Pause", "main");
  await page.until("it is paused", `${state} === "paused"`);
  await page.click("Resume", "main");
  await page.until("it goes on", `${state} === "running"`);
}

// Both themes, both widths: nothing is too wide, nothing too faint.
async function looks(page, name) {
  for (const dark of [false, true]) {
    for (const width of WIDTHS) {
      await page.look({ width, dark });
      await page.picture(`${name}-${width}-${dark ? "dark" : "light"}`);
      const faint = await page.faint();
      check(faint.length === 0, `${name}, ${dark ? "dark" : "light"}: too faint: ${faint.join("; ")}`);
    }
  }
  await page.look({ width: 1280, dark: false });
}

async function keyboard(page) {
  const unreached = await page.unreached();
  check(unreached.length === 0, `Tab does not lead to ${unreached.join(", ")}`);
}

async function lost(page) {
  page.expected.push("ERR_INTERNET_DISCONNECTED", "ERR_NETWORK_IO_SUSPENDED");
  const connection = (offline) => page.send("Network.emulateNetworkConditions", { offline, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  const told = `[...document.querySelectorAll(".lost")].some((each) => each.checkVisibility() && each.innerText.includes("Connection lost"))`;
  await connection(true);
  await page.until("the loss is told", told);
  await connection(false);
  await page.until("the connection is there again", `!(${told})`);
  const before = await page.until("the chart is there", drawn("Users"));
  await page.until("it goes on", `${drawn("Users")}.words !== ${JSON.stringify(before.words)}`);
}

// By keyboard alone.
async function stop(page) {
  await page.evaluate(`[...document.querySelectorAll("main button")].find((each) => each.innerText === "Stop").focus()`);
  await page.key("Enter");
  await page.until("it asks", `document.querySelector("dialog")?.innerText.includes("Stop this run?")`);
  for (let at = 0; at < 8; at += 1) {
    if (await page.evaluate(`document.activeElement.type === "submit"`)) break;
    await page.key("Tab");
  }
  await page.key("Enter");
  await page.until("it has ended", `${state} === "stopped"`);
  await page.untilText("exit code 103");
  await page.untilText("Times and sizes");
  await page.untilText("http_req_duration");
  await page.untilText("report.html");
  check(await page.evaluate(`![...document.querySelectorAll("main .actions button")].some((each) => each.checkVisibility())`), "an ended run has nothing to press");
}

// The address of a run shows it anew, its history too.
async function deepLink(page) {
  await page.send("Page.reload", {});
  await page.until("it is shown again", `${state} === "stopped"`);
  await page.until("its charts too", drawn("Users"));
  await page.untilText("Cache <b>cleared</b>");
  await page.untilText("http_req_duration");
  await page.untilText("stopped", "nav");
}
