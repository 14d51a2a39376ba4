// Shows `check.js` a page with one fault of each kind, and expects it to find every one: a check
// that finds nothing anywhere proves nothing.

import { spawnSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PAGE = `<!DOCTYPE html>
<html lang="en" class="light"><head><meta charset="utf-8"><title>Broken</title></head><body><main>
<h1>Broken</h1>
<p style="color: #aaa; background: #fff">Grey on white.</p>
<div class="ruler" style="width: 2000px">Wider than any window.</div>
<figure><svg viewBox="0 0 100 40" width="100" height="40" role="img" aria-label="Two texts">
<text x="5" y="20" font-size="14">first</text><text x="8" y="21" font-size="14">second</text>
<text x="80" y="35" font-size="14">outside</text></svg></figure>
<figure><svg viewBox="0 0 1000 40" width="200" height="8" role="img" aria-label="Small">
<text x="5" y="20" font-size="14">small</text></svg></figure>
<img src="https://example.org/a.png" alt="elsewhere"><img src="absent.png" alt="absent">
<script>console.error("complaint"); new EventSource("/reload");</script>
<script>absentFunction();</script>
</main></body></html>`;

const EXPECTED = [
  "color-contrast",
  "pixels wide in a window of 1280: <div class=\"ruler\">",
  "pixels wide in a window of 360: <div class=\"ruler\">",
  "the texts \"first\" and \"second\" of a drawing lie on each other",
  "the text \"outside\" sticks out of its drawing",
  "a drawing has letters of 2.8 pixels",
  "asks another host: https://example.org/a.png",
  "/absent.png: status 404",
  "the console says: complaint",
  "a script fails: absentFunction is not defined",
  "has the markup of live reload",
  "is not shown in the theme coal",
  "is not shown in the theme coal that was chosen before",
  "the search does not find \"descriptor\"",
];

const site = await mkdtemp(join(tmpdir(), "broken-site-"));
try {
  await writeFile(join(site, "index.html"), PAGE);
  const check = join(import.meta.dirname ?? new URL(".", import.meta.url).pathname, "check.js");
  const run = spawnSync(process.execPath, [check, site], { encoding: "utf8", timeout: 120_000 });
  const missed = EXPECTED.filter((part) => !run.stdout.includes(part));
  if (run.status !== 1 || missed.length > 0) {
    console.error(`status ${run.status}, not found: ${JSON.stringify(missed, null, 2)}`);
    console.error(run.stdout, run.stderr);
    process.exitCode = 1;
  } else {
    console.log(`browser: the check finds all ${EXPECTED.length} kinds of fault`);
  }
} finally {
  await rm(site, { recursive: true, force: true });
}
