// What the checks of built pages and of served pages share: the browser, its windows, the themes,
// and what to look for.

import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";

export const THEMES = ["light", "rust", "coal", "navy", "ayu"];
export const WINDOWS = [
  { name: "wide", width: 1280, height: 900 },
  { name: "narrow", width: 360, height: 740 },
];
export const DEADLINE_MS = 15_000;

// What the accessibility check holds pages to: WCAG 2.0, 2.1 and 2.2, levels A and AA.
export const ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
// Of them, the one that depends on the theme.
export const RULES_OF_COLOURS = ["color-contrast"];
const BROWSERS = ["chromium", "chromium-browser", "google-chrome", "chromium-headless-shell"];
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
  "--disable-background-networking", "--disable-component-update",
];

function browserPath() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? "").split(":");
  for (const name of BROWSERS) {
    const folder = folders.find((folder) => existsSync(join(folder, name)));
    if (folder) return join(folder, name);
  }
  console.error(`no browser: install one of ${BROWSERS.join(", ")} or set CHROMIUM`);
  process.exit(2);
}

export function launch() {
  return chromium.launch({ executablePath: browserPath(), args: FLAGS });
}

export function axeSource() {
  return readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
}

/// What the accessibility check finds on a page, one text for each place.
export async function violations(page, axe, rules = ALL_RULES) {
  if (!await page.evaluate(() => "axe" in window)) await page.evaluate(axe);
  const result = await page.evaluate(
    (rules) => window.axe.run(document, { runOnly: rules, resultTypes: ["violations"] }),
    rules,
  );
  return result.violations.flatMap((violation) => violation.nodes.map((node) => {
    const detail = node.failureSummary.split("\n").slice(1).join(" ").trim().slice(0, 160);
    return `${violation.id} (${violation.impact}): ${node.target.join(" ")}: ${detail}`;
  }));
}

/// What sticks out of the window to the right, and is not inside something that scrolls. Runs in the page.
export function overflow() {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return undefined;
  const scrolls = (element) => ["auto", "scroll", "hidden"].includes(getComputedStyle(element).overflowX);
  const inside = (element) => element && (scrolls(element) || inside(element.parentElement));
  const wide = [...document.querySelectorAll("main *")].find(
    (element) => element.getBoundingClientRect().right > width + 1 && !inside(element.parentElement),
  );
  const name = wide ? `<${wide.localName} class="${wide.getAttribute("class") ?? ""}">` : "something";
  return `the page is ${document.documentElement.scrollWidth} pixels wide in a window of ${width}: ${name}`;
}
