// Opens a page of exercises that the workbook serves, in every theme and window, and grades an
// exercise while the page is open: does the page show it, without a reload, where the reader is?
//
//     npm ci && node live.js PROGRAM
//
// PROGRAM is the built workbook, such as target/debug/workbook. It serves a small book of its own
// from a temporary folder, on a free port of the loopback interface. Exit status 1 means findings.

import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { DEADLINE_MS, THEMES, WINDOWS, axeSource, launch, overflow, violations } from "./browser.js";

const PROJECT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const PARAGRAPHS = "The page goes on, so that it has to be scrolled.\n\n".repeat(60);
const FILES = {
  "chapters/SUMMARY.md": "# Summary\n\n[Intro](00-introduction/README.md)\n\n- [One](01-one/README.md)\n",
  "chapters/00-introduction/README.md": "# Introduction\n\nText.\n",
  "chapters/01-one/README.md":
    `# One\n\n${PARAGRAPHS}## Exercises\n\n{{#exercise first-end}}\n\n{{#exercise other-end}}\n\n## Sources\n\n${PARAGRAPHS}`,
  ...exercise("first-end", 1),
  ...exercise("other-end", 2),
};
const DIAGNOSIS = `DEADLOCK  SELF_HELD_WRITE_END
  The reader 4217 waits in read(fd 3) <b>for ever</b>: it holds the write end of its own pipe, in ${"x".repeat(300)}
  Code:  chapters/B-failure-index/README.md#self_held_write_end
`;

function exercise(id, order) {
  const folder = `exercises/01-one/${id}`;
  return {
    [`${folder}/Cargo.toml`]: `[package]\nname = "${id}"\n\n[package.metadata.exercise]\ntitle = "The ${id}"\nkind = "repair"
minutes = 15\norder = ${order}\nsection = "One"\nstarter = "STUCK"\n`,
    [`${folder}/README.md`]: `# The ${id}\n\n\`${id}\` · repair · 15 minutes\n\nIt waits.\n\n## Given\n\nA pipe.\n
## Achieve\n\nAn end.\n\n## Hints\n\n<details>\n<summary>Hint 1</summary>\n\nCount.\n\n</details>\n`,
  };
}

const findings = new Set();
const program = process.argv[2];
if (!program || process.argv.length !== 3) {
  console.error("usage: node live.js PROGRAM");
  process.exit(2);
}

async function makeBook() {
  const folder = await mkdtemp(join(tmpdir(), "live-book-"));
  for (const [path, text] of Object.entries(FILES)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  await cp(join(PROJECT, "book.toml"), join(folder, "book.toml"));
  await cp(join(PROJECT, "theme"), join(folder, "theme"), { recursive: true });
  return folder;
}

/// The server's process, and its address as soon as it has printed it.
async function serve(folder) {
  const server = spawn(resolve(program), ["--root", folder, "serve", "--port", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: server.stdout })) {
    const address = line.match(/http:\/\/localhost:\d+/)?.[0];
    if (address) return [server, address];
  }
  throw new Error("the server ended without an address");
}

/// As the grader does it: a new file takes the old one's name.
async function record(folder, id, outcome) {
  const progress = join(folder, ".workbook/progress");
  await mkdir(progress, { recursive: true });
  const text = JSON.stringify({ at_s: 1, attempts: 1, passed_at_s: null, ...outcome });
  await writeFile(join(progress, `${id}.new`), text);
  await rename(join(progress, `${id}.new`), join(progress, `${id}.json`));
}

const state = (page) => page.locator("section.exercise[data-exercise=first-end] .exercise-state");
const until = (locator, text) => locator.filter({ hasText: text }).waitFor({ state: "visible", timeout: DEADLINE_MS });

async function look(page, axe, folder, address, where) {
  const expect = (holds, what) => holds || findings.add(`${where}: ${what}`);
  await rm(join(folder, ".workbook"), { recursive: true, force: true });
  await page.goto(`${address}/01-one/`, { waitUntil: "load" });
  await until(state(page), "○ not tried yet");
  await until(page.locator(".exercise-count"), "0 of 2 solved");

  // Below the exercise, which a diagnosis makes higher. The browser moves what is in the window back in its next frame.
  const heading = page.locator("#sources");
  await heading.evaluate((heading) => heading.scrollIntoView({ block: "start" }));
  const settled = async () => {
    await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    return heading.evaluate((heading) => heading.getBoundingClientRect().top);
  };
  const before = await settled();
  await page.evaluate(() => (window.isTheSamePage = true));
  await record(folder, "first-end", {
    outcome: "failed", code: "SELF_HELD_WRITE_END", case: "it ends", diagnosis: DIAGNOSIS,
  });
  await until(state(page), "✗ failed: SELF_HELD_WRITE_END");
  const diagnosis = page.locator("section.exercise[data-exercise=first-end] .exercise-diagnosis");
  await until(diagnosis, "<b>for ever</b>");
  const after = await settled();
  expect(Math.abs(after - before) <= 2, `the page moved by ${after - before} pixels`);
  expect(await diagnosis.locator("b").count() === 0, "the diagnosis brings markup of its own");
  const links = await diagnosis.locator("a").evaluateAll((links) => links.map((link) => link.getAttribute("href")));
  expect(links.every((link) => link === "/B-failure-index/index.html#self_held_write_end") && links.length === 2,
    `the links of the diagnosis are ${links}`);
  const wide = await page.evaluate(overflow);
  expect(!wide, wide);
  for (const what of await violations(page, axe)) expect(false, what);

  await record(folder, "first-end", { outcome: "passed", passed_at_s: 1 });
  await until(state(page), "✓ passed");
  await until(page.locator(".exercise-count"), "1 of 2 solved");
  await until(page.locator(".exercise-tick[data-exercise=first-end]"), "✓ passed");
  expect(!(await diagnosis.isVisible()), "a diagnosis is left after success");
  for (const what of await violations(page, axe)) expect(false, what);
  expect(await page.evaluate(() => window.isTheSamePage === true), "the page was loaded again");
}

/// Without scripts the exercise is there, and no place for a tick.
async function lookWithoutScripts(browser, address) {
  const context = await browser.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${address}/01-one/`);
  await page.locator("#exercise-first-end").waitFor({ state: "visible", timeout: DEADLINE_MS });
  for (const place of [".exercise-state", ".exercise-diagnosis", ".exercise-count", ".exercise-tick"]) {
    if (await page.locator(place).first().isVisible()) findings.add(`without scripts, ${place} is seen`);
  }
  await context.close();
}

const folder = await makeBook();
let server, address, browser;
let looks = 0;
try {
  [server, address] = await serve(folder);
  browser = await launch();
  const axe = await axeSource();
  for (const { name, width, height } of WINDOWS) {
    const context = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce" });
    for (const theme of THEMES) {
      const page = await context.newPage();
      const where = `${theme} ${name}`;
      page.setDefaultTimeout(DEADLINE_MS);
      page.on("pageerror", (error) => findings.add(`${where}: a script fails: ${error.message}`));
      await page.addInitScript((theme) => localStorage.setItem("mdbook-theme", theme), theme);
      await look(page, axe, folder, address, where).catch((error) => findings.add(`${where}: ${error.message}`));
      looks += 1;
      await page.close();
    }
    await context.close();
  }
  await lookWithoutScripts(browser, address);
} finally {
  await browser?.close();
  server?.kill();
  await rm(folder, { recursive: true, force: true });
}
for (const finding of [...findings].sort()) console.log(finding);
console.log(`browser: served exercises, looked at ${looks} times: ${findings.size} findings`);
process.exitCode = findings.size === 0 ? 0 : 1;
