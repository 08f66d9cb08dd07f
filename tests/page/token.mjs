// The page of a host that wants a token: node token.mjs HOST-URL TOKEN RUN PICTURES, where RUN goes on.
import { check, test } from "./chromium.mjs";

const [host, token, run, pictures] = process.argv.slice(2);
const isOurs = (url) => url.startsWith(host) || url.startsWith("data:") || url === "about:blank";
const asks = `document.querySelector("dialog")?.innerText.includes("This host wants a token")`;

await test(async (browser) => {
  const page = await browser.page({ pictures, isOurs });
  page.expected.push("401");
  await page.look({ width: 1280, dark: false });
  await page.send("Page.navigate", { url: `${host}/#/runs/${run}` });
  await page.until("it asks", asks);
  check(!(await page.evaluate("document.body.innerText")).includes(run), "nothing of a run is shown to who has no token");
  await page.picture("asked");
  await page.fill("token", "not this one", "dialog");
  await page.click("Continue", "dialog");
  await page.until("it says that this was wrong", `document.querySelector("dialog")?.innerText.includes("did not take")`);
  await page.fill("token", token, "dialog");
  await page.click("Continue", "dialog");
  await page.until("the run is shown", `document.querySelector("main .state")?.innerText === "running"`);
  await page.until("its charts are drawn", `document.querySelectorAll(".chart canvas").length >= 2`);
  const words = `document.querySelector(".chart .plot").getAttribute("aria-label")`;
  const before = await page.evaluate(words);
  await page.until("and move", `${words} !== ${JSON.stringify(before)}`);

  // It is kept for this tab, and in no address.
  await page.send("Page.reload", {});
  await page.until("the run is shown again", `document.querySelector("main .state")?.innerText === "running"`);
  check(!(await page.evaluate(`!!document.querySelector("dialog")`)), "it asks again though it was told");
  check(!(await page.evaluate("location.href")).includes(token), "the token stands in the address");
  check((await page.evaluate("Object.keys(localStorage).length")) === 0, "the token outlives the tab");

  // Another tab knows nothing, and does not insist.
  const other = await browser.page({ pictures, isOurs });
  other.expected.push("401");
  let refused = 0;
  browser.listeners.push(({ sessionId, method, params }) => {
    if (sessionId === other.sessionId && method === "Network.responseReceived" && params.response.status === 401) refused += 1;
  });
  await other.look({ width: 390, dark: true });
  await other.send("Page.navigate", { url: `${host}/` });
  await other.until("it asks", asks);
  await other.key("Escape");
  await other.until("there is another way to give it", `[...document.querySelectorAll("button")].some((each) => each.innerText === "Give the token" && each.checkVisibility())`);
  const then = refused;
  while (refused < then + 2) await other.evaluate("new Promise((done) => setTimeout(done, 50))");
  check(!(await other.evaluate(asks)), "it asks again though nobody wanted to tell");
  await other.click("Give the token");
  await other.until("it asks", asks);
  await other.fill("token", token, "dialog");
  await other.click("Continue", "dialog");
  await other.untilText("Runs", "nav");
  await other.until("the run is listed", `document.querySelector("nav")?.innerText.includes(${JSON.stringify(run)})`);
  for (const each of [page, other]) check(each.problems.length === 0, `the page complained:\n${each.problems.join("\n")}`);
});
