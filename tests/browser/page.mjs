// The status page in Chromium, as ops see it. Ends with 0 when all holds; with SCREENSHOTS set, pictures of each scene are
// put into that folder, too.
import assert from "node:assert/strict";
import {mkdtempSync, rmSync} from "node:fs";
import {tmpdir} from "node:os";
import {join} from "node:path";

import {chromium} from "playwright-core";

import {violations} from "./axe.mjs";
import * as world from "./world.mjs";

const patience = 90_000;
const phone = {width: 360, height: 740};
const desk = {width: 1000, height: 900};
const pictures = process.env.SCREENSHOTS;
const profile = mkdtempSync(join(tmpdir(), "stibee-browser-"));

const browser = await chromium.launchPersistentContext(profile, {
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  headless: true,
  locale: "ko-KR",
  viewport: desk,
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage"],
});

const asked = new Set();
const complaints = [];
browser.on("request", (request) => asked.add(request.url()));
browser.on("console", (line) => complaints.push(`${line.type()}: ${line.text()}`));
browser.on("weberror", (error) => complaints.push(String(error.error())));

const step = (words) => console.log(`- ${words}`);

async function opened(lang) {
  const page = await browser.newPage();
  page.setDefaultTimeout(patience);
  await page.goto(lang ? `${world.url}?lang=${lang}` : world.url);
  return page;
}

const says = (page, words) => page.getByText(words).first().waitFor();
const stateIs = (page, state) => page.locator(`.mirror .state.${state}`).waitFor();

async function picture(page, name, size = desk) {
  if (!pictures) return;
  await page.setViewportSize(size);
  await page.screenshot({path: join(pictures, `${name}.png`), fullPage: true});
  await page.setViewportSize(desk);
}

const looks = [[desk, "light"], [phone, "dark"], [desk, "dark"], [phone, "light"]];

/** Nothing that axe-core knows of, at a desk by day and on a phone by night (or in all four ways); nothing to scroll
 * sideways. */
async function isAccessible(page, scene, ways = looks.slice(0, 2)) {
  for (const [size, colorScheme] of ways) {
    await page.setViewportSize(size);
    await page.emulateMedia({colorScheme});
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= size.width, `${scene}: ${wide} px wide on a screen of ${size.width}`);
    assert.deepEqual(await violations(page), [], `${scene}, ${colorScheme}, ${size.width} px`);
  }
  await page.emulateMedia({colorScheme: "light"});
  await page.setViewportSize(desk);
}

async function watchImport(korean, english) {
  step("an import is under way, and its progress moves without a reload");
  world.syncd("resume");
  await stateIs(korean, "importing");
  const bar = korean.locator("progress");
  await bar.waitFor();
  await korean.evaluate(() => { window.sameDocument = true; });
  const before = Number(await bar.getAttribute("value"));
  await picture(korean, "status-import-ko");
  await says(english, "importing");
  await picture(english, "status-import-en");
  await korean.waitForFunction((value) => {
    const now = document.querySelector("progress");
    return now === null || Number(now.getAttribute("value")) > value;
  }, before);
  await isAccessible(korean, "importing");
}

async function watchHealth(korean, english) {
  step("healthy, in both languages");
  await stateIs(korean, "ok");
  await stateIs(english, "ok");
  await says(korean, "모두 정상입니다");
  await says(english, "healthy");
  await says(korean, "첫 반영이 끝났습니다");
  assert.equal(await korean.locator("html").getAttribute("lang"), "ko");
  assert.equal(await english.locator("html").getAttribute("lang"), "en");
  assert.ok(await korean.evaluate(() => window.sameDocument), "the page was loaded anew");
  const there = (await korean.locator(".sides").textContent()).replace(/\s/g, "");
  assert.ok(there.includes("구독중40,000"), there);
  await isAccessible(korean, "healthy, Korean", looks);
  await isAccessible(english, "healthy, English", looks);
  await picture(korean, "status-healthy-ko");
  await picture(english, "status-healthy-en");
  await picture(korean, "status-healthy-ko-phone", phone);
}

async function useKeyboard(page) {
  step("the language switch by keyboard; a refresh keeps focus, scrolling and open parts");
  await page.evaluate(() => document.activeElement.blur());
  let reached = "";
  for (let i = 0; i < 10 && reached !== "en"; ++i) {
    await page.keyboard.press("Tab");
    reached = await page.evaluate(() => document.activeElement.getAttribute("hreflang"));
  }
  assert.equal(reached, "en");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, "none", "focus can be seen");

  await page.locator("details").evaluate((details) => { details.open = true; });
  await page.setViewportSize(phone);
  await page.evaluate(() => window.scrollTo(0, 300));
  const time = await page.locator("footer p time").getAttribute("datetime");
  await page.waitForFunction((old) => document.querySelector("footer p time").dateTime !== old, time);
  const kept = await page.evaluate(() => ({
    focus: document.activeElement.getAttribute("hreflang"),
    scroll: window.scrollY,
    open: document.querySelector("details").open,
  }));
  assert.equal(kept.focus, "en");
  assert.ok(kept.open, "what was opened stays open");
  assert.ok(Math.abs(kept.scroll - 300) < 100, `scrolled to ${kept.scroll}`);
  await page.setViewportSize(desk);

  await page.keyboard.press("Enter");
  await says(page, "healthy");
  assert.equal(await page.locator("html").getAttribute("lang"), "en");
  await page.goto(`${world.url}?lang=xx`);
  assert.equal(await page.locator("html").getAttribute("lang"), "ko", "an unknown language falls back to the browser's");
}

async function watchHold(korean, english) {
  step("a hold appears with the command that releases it, and clears");
  world.sql("CREATE TABLE aside AS SELECT * FROM members; TRUNCATE members");
  await stateIs(korean, "held");
  await korean.locator(".hold").waitFor();
  const digest = (await world.status()).mirrors[0].held[0].digest;
  await says(korean, `stibee-syncd guard approve ${digest}`);
  await english.locator(".hold").waitFor();
  assert.match(await english.locator(".hold").first().textContent(), /Held: 40,000 unsubscribes and deletions/);
  await isAccessible(korean, "held");
  await picture(korean, "status-held-ko");
  await picture(english, "status-held-en");
  await picture(english, "status-held-en-phone", phone);
  world.sql("INSERT INTO members SELECT * FROM aside; DROP TABLE aside");
  await stateIs(korean, "ok");
  assert.equal(await korean.locator(".hold").count(), 0);
  await says(korean, "보류가 해제되었습니다");
}

async function watchPause(korean, english) {
  step("a pause, and who made it");
  world.syncd("pause");
  await stateIs(korean, "paused");
  await says(korean, "stibee-syncd resume --mirror members");
  await stateIs(english, "paused");
  await isAccessible(english, "paused");
  await picture(korean, "status-paused-ko");
  await picture(english, "status-paused-en");
  world.syncd("resume");
  await stateIs(korean, "ok");
}

async function watchStibeeDown(korean, english) {
  step("Stibee does not answer while somebody waits");
  await world.faults({rules: [{kind: "503", endpoint: "*"}]});
  world.sql("UPDATE members SET email_opt_in = false WHERE id = 1; UPDATE members SET name = 'x' WHERE id = 2");
  await stateIs(korean, "failing");
  await stateIs(english, "failing");
  await says(english, /1 opt-out waits/);
  await isAccessible(korean, "Stibee down");
  await picture(korean, "status-stibee-down-ko");
  await picture(english, "status-stibee-down-en");
}

async function looksWithoutScript() {
  step("whole without a script");
  const page = await browser.newPage();
  const session = await browser.newCDPSession(page);
  await session.send("Emulation.setScriptExecutionDisabled", {value: true});
  await page.goto(`${world.url}?lang=en`);
  assert.match(await page.content(), /<h2 id="mirror-1">members/);
  assert.match(await page.content(), /http-equiv="refresh"/);
  await page.close();
}

async function watchSilence(page) {
  step("the daemon ends, and the page says that it shows what was");
  world.stopDaemon();
  await page.locator("#silent").waitFor({state: "visible"});
  assert.match(await page.locator("#silent").textContent(), /데몬이 응답하지 않습니다/);
  await isAccessible(page, "silent");
}

try {
  const korean = await opened();
  const english = await opened("en");
  await watchImport(korean, english);
  await watchHealth(korean, english);
  await watchHold(korean, english);
  await useKeyboard(await opened());
  await looksWithoutScript();
  await watchPause(korean, english);
  await watchStibeeDown(korean, english);
  assert.deepEqual(complaints, [], "the console is empty");
  await watchSilence(korean);
  const origin = new URL(world.url).origin;
  assert.deepEqual([...asked].filter((address) => new URL(address).origin !== origin), [], "nobody else is asked");
  for (const page of browser.pages())
    assert.doesNotMatch(await page.content(), /example\.com|010-/, "nobody is named");
} finally {
  await browser.close();
  rmSync(profile, {recursive: true, force: true});
}
