// A report.html, opened from the disk: node report.mjs FILE PICTURES WORD…, where each word must be seen.
import { pathToFileURL } from "node:url";
import { check, test } from "./chromium.mjs";

const [file, pictures, ...words] = process.argv.slice(2);
const address = pathToFileURL(file).href;

await test(async (browser) => {
  // From the disk there is nothing but the file itself.
  const page = await browser.page({ pictures, isOurs: (url) => url === address || url.startsWith("data:") || url === "about:blank" });
  for (const dark of [false, true]) {
    for (const width of [1280, 390]) {
      await page.look({ width, dark });
      await page.send("Page.navigate", { url: "about:blank" });
      await page.send("Page.navigate", { url: address });
      await page.until("its charts are drawn", `document.querySelectorAll(".chart canvas").length >= 2`);
      for (const word of words) await page.untilText(word);
      await page.picture(`report-${width}-${dark ? "dark" : "light"}`);
      const faint = await page.faint();
      check(faint.length === 0, `too faint: ${faint.join("; ")}`);
    }
  }
  const buttons = await page.evaluate(`[...document.querySelectorAll("main button")].filter((each) => each.checkVisibility()).length`);
  check(buttons === 0, "a report has nothing to steer");
  check(page.problems.length === 0, `the report complained:\n${page.problems.join("\n")}`);
});
