// Looks at every page of the built book in a browser, in every theme, on a wide and on a narrow
// window, and prints what a reader would stumble over. Used by `.ci/run`:
//
//     npm ci && node check.js SITE [--screenshots FOLDER]
//
// SITE is what `cargo run -- build --dest SITE` has made. The script serves it on a free port of
// the loopback interface for as long as it runs. Exit status 1 means that there are findings.

import { createServer } from "node:http";
import { mkdir, readFile, readdir, stat } from "node:fs/promises";
import { extname, join, normalize, relative, resolve, sep } from "node:path";
import {
  ALL_RULES, DEADLINE_MS, RULES_OF_COLOURS, THEMES, WINDOWS, axeSource, launch, overflow, violations,
} from "./browser.js";

const PRINT = "print.html";
const TYPES = {
  ".css": "text/css", ".html": "text/html; charset=utf-8", ".js": "text/javascript",
  ".json": "application/json", ".png": "image/png", ".svg": "image/svg+xml", ".woff2": "font/woff2",
};

const [site, screenshots] = readArguments(process.argv.slice(2));
const findings = new Map();
let looks = 0;

/// Findings that are the same in several themes or windows are told once, with where they occur.
function find(page, what, where) {
  const key = `${page}: ${what}`;
  if (!findings.has(key)) findings.set(key, new Set());
  findings.get(key).add(where);
}

function readArguments(words) {
  const option = words.indexOf("--screenshots");
  const folder = option < 0 ? undefined : words.splice(option, 2)[1];
  if (words.length !== 1 || (option >= 0 && !folder)) {
    console.error("usage: node check.js SITE [--screenshots FOLDER]");
    process.exit(2);
  }
  return [resolve(words[0]), folder && resolve(folder)];
}

async function pagesOf(folder) {
  const names = await readdir(folder, { recursive: true });
  const pages = names.filter((name) => name.endsWith(".html") && !name.endsWith("toc.html"));
  return pages.map((name) => name.split(sep).join("/")).sort();
}

async function serve(folder) {
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url, "http://x").pathname);
    let file = normalize(join(folder, path));
    try {
      if (relative(folder, file).startsWith("..")) throw new Error("outside the site");
      if ((await stat(file)).isDirectory()) file = join(file, "index.html");
      const body = await readFile(file);
      const type = TYPES[extname(file)] ?? "application/octet-stream";
      response.writeHead(200, { "Content-Type": type }).end(body);
    } catch {
      response.writeHead(404).end("not found");
    }
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  return [server, `http://127.0.0.1:${server.address().port}`];
}

/// Reports what the browser itself complains about: errors, failed loads, other hosts.
function listen(page, name, where, origin) {
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) {
      find(name(), `the console says: ${message.text()}`, where());
    }
  });
  page.on("pageerror", (error) => find(name(), `a script fails: ${error.message}`, where()));
  page.on("requestfailed", (request) => {
    // A request that ends because the next page is opened is no failure.
    const reason = request.failure()?.errorText;
    if (reason !== "net::ERR_ABORTED") {
      find(name(), `${request.url().replace(origin, "")} fails: ${reason}`, where());
    }
  });
  page.on("response", (response) => {
    if (response.status() >= 400) {
      find(name(), `${response.url().replace(origin, "")}: status ${response.status()}`, where());
    }
  });
}

/// Texts of one drawing that lie on each other, or outside of it.
function drawings() {
  const found = [];
  for (const drawing of document.querySelectorAll("figure svg")) {
    const frame = drawing.getBoundingClientRect();
    const texts = [...drawing.querySelectorAll("text")].map((text) => [text.textContent.trim(), text.getBoundingClientRect()]);
    texts.forEach(([words, box], index) => {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) {
        found.push(`the text "${words}" sticks out of its drawing`);
      }
      for (const [others, other] of texts.slice(index + 1)) {
        const across = Math.min(box.right, other.right) - Math.max(box.left, other.left);
        const down = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
        // Boxes of text are taller than the letters: lines close to each other may touch.
        if (across > 1 && down > Math.min(box.height, other.height) * 0.4) {
          found.push(`the texts "${words}" and "${others}" of a drawing lie on each other`);
        }
      }
    });
    const scale = drawing.getScreenCTM().a;
    const sizes = [...drawing.querySelectorAll("text")].map((text) => parseFloat(getComputedStyle(text).fontSize) * scale);
    const size = Math.min(...sizes);
    if (size < 9) found.push(`a drawing has letters of ${size.toFixed(1)} pixels, too small to read`);
  }
  return found;
}

/// The rules to hold a page to. Most do not depend on the theme, and colours do not depend on the window: the windows take
/// turns, for these rules take most of the time.
function rulesFor(name, theme, window) {
  if (name === PRINT && window !== WINDOWS[0]) return [];
  const turn = THEMES.indexOf(theme);
  if (turn === 0) return ALL_RULES;
  return window === WINDOWS[turn % WINDOWS.length] ? RULES_OF_COLOURS : [];
}

async function look(page, axe, rules, name, where) {
  // What is folded would not be looked at.
  await page.evaluate(() => document.querySelectorAll("main details").forEach((details) => (details.open = true)));
  const wide = await page.evaluate(overflow);
  if (wide) find(name, wide, where);
  for (const what of await page.evaluate(drawings)) find(name, what, where);
  if (rules.length > 0) {
    for (const what of await violations(page, axe, rules)) find(name, what, where);
  }
  if (await page.evaluate(() => /EventSource|WebSocket\(|livereload|live-reload/i.test(document.documentElement.outerHTML))) {
    find(name, "the built page has the markup of live reload", where);
  }
  if (screenshots) {
    const file = `${name.replaceAll("/", "_")}-${where.replace(" ", "-")}.png`;
    // The print page is as long as the book: its beginning is enough.
    await page.screenshot({ path: join(screenshots, file), fullPage: name !== PRINT });
  }
}

/// A word that stands in the pages is found by the book's search.
async function search(context, origin) {
  const page = await context.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  try {
    await page.goto(`${origin}/index.html`);
    await page.click("#mdbook-search-toggle");
    const bar = page.locator("#mdbook-searchbar");
    await bar.waitFor({ state: "visible" });
    await bar.pressSequentially("descriptor");
    await page.waitForSelector("#mdbook-searchresults li a");
  } catch (error) {
    find("index.html", `the search does not find "descriptor": ${error.message.split("\n")[0]}`, "light wide");
  }
  await page.close();
}

/// Chooses a theme, as a reader does in the menu. Runs in the page.
function choose(theme) {
  document.getElementById(`mdbook-theme-${theme}`)?.click();
  // Some colours take half a second to change.
  document.getAnimations().forEach((animation) => animation.finish());
}

/// Every page in every theme in one window.
async function lookThrough(window, browser, axe, pages, origin) {
  const { width, height } = window;
  const context = await browser.newContext({ viewport: { width, height }, reducedMotion: "reduce" });
  await context.route(
    (url) => url.origin !== origin && !["data:", "blob:"].includes(url.protocol),
    (route) => {
      find("the book", `asks another host: ${route.request().url()}`, window.name);
      return route.abort("blockedbyclient");
    },
  );
  const page = await context.newPage();
  let [name, theme] = ["", THEMES[0]];
  const where = () => `${theme} ${window.name}`;
  page.setDefaultTimeout(DEADLINE_MS);
  // Printing would open a dialogue.
  await page.addInitScript(() => (globalThis.print = () => {}));
  listen(page, () => name, where, origin);
  const isShown = () => page.evaluate((theme) => document.documentElement.classList.contains(theme), theme);
  // A theme that the reader has chosen before. The first one is the last here, and stays for what comes.
  for (theme of THEMES.toReversed()) {
    name = "index.html";
    await page.goto(`${origin}/${name}`, { waitUntil: "load" });
    await page.evaluate((theme) => localStorage.setItem("mdbook-theme", theme), theme);
    await page.reload({ waitUntil: "load" });
    if (!await isShown()) find(name, `is not shown in the theme ${theme} that was chosen before`, where());
  }
  for (name of pages) {
    theme = THEMES[0];
    await page.evaluate((theme) => localStorage.setItem("mdbook-theme", theme), theme);
    await page.goto(`${origin}/${name}`, { waitUntil: "load" });
    await page.evaluate(() => document.fonts.ready);
    // The page with all others is for paper, which has no theme.
    for (theme of name === PRINT ? THEMES.slice(0, 1) : THEMES) {
      await page.evaluate(choose, theme);
      if (!await isShown()) find(name, `is not shown in the theme ${theme}`, where());
      await look(page, axe, rulesFor(name, theme, window), name, where());
      looks += 1;
    }
  }
  await page.close();
  if (window.name === "wide") await search(context, origin);
  await context.close();
}

async function main() {
  const axe = await axeSource();
  const pages = await pagesOf(site);
  if (pages.length === 0) throw new Error(`${site} has no pages`);
  if (screenshots) await mkdir(screenshots, { recursive: true });
  const [server, origin] = await serve(site);
  const browser = await launch();
  try {
    // A page is drawn and checked on one processor: the windows have one each.
    await Promise.all(WINDOWS.map((window) => lookThrough(window, browser, axe, pages, origin)));
  } finally {
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
  for (const [what, places] of [...findings].sort()) {
    console.log(`${what}\n    in ${[...places].join(", ")}`);
  }
  console.log(`browser: ${pages.length} pages, looked at ${looks} times: ${findings.size} findings`);
  process.exitCode = findings.size === 0 ? 0 : 1;
}

await main();
