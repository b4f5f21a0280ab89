// Chromium for the page tests: the system's own, driven by playwright-core.
//
// The modules are installed outside the checkout; PAGES_TEST_MODULES says where.

import { execFileSync } from "node:child_process";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";

const modules = process.env.PAGES_TEST_MODULES ?? path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(modules, "package.json"));
const { chromium } = require("playwright-core");

export const axe = require.resolve("axe-core/axe.min.js");

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? found(),
    // Chromium's own sandbox needs rights that a container does not give to root.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

function found() {
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    try {
      return execFileSync("which", [name], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    } catch { /* the next one */ }
  }
  throw new Error("no Chromium: run scripts/setup --pages");
}
