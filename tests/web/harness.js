// SPDX-License-Identifier: Apache-2.0
// A browser that is watched: what a page says on its console and what it asks for elsewhere is a failure of the case.
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

export const facts = JSON.parse(process.argv[2]);
const load = createRequire(join(facts.packages, "package.json"));
const { chromium } = load("playwright-core");
const axe = readFileSync(load.resolve("axe-core/axe.min.js"), "utf8");

const LIMIT_MS = Number(process.env.SKERRY_TEST_TIMEOUT_S || 60) * 1000;
export const WIDE = { width: 1280, height: 800 }, PHONE = { width: 390, height: 844 };

const cases = [];
export const test = (name, run) => cases.push({ name, run });

export function expect(truth, what, ...seen) {
    if (!truth)
        throw new Error(what + seen.map((one) => "\n    " + (typeof one === "string" ? one : JSON.stringify(one))).join(""));
}

let browser, current;

// A page of its own session. `troubles` is what went wrong on it so far; `allowed`: statuses that a case provokes.
export async function open({ size = WIDE, scheme = "light", token = facts.token, path = "/", allowed = [] } = {}) {
    const context = await browser.newContext({ viewport: size, colorScheme: scheme, ignoreHTTPSErrors: true, hasTouch: size === PHONE, reducedMotion: "reduce" });
    const page = await context.newPage();
    current = page;
    page.setDefaultTimeout(LIMIT_MS);
    page.troubles = [];
    page.on("pageerror", (error) => page.troubles.push("exception: " + error.stack));
    page.on("console", (message) => {
        // The browser itself notes each answer that is an error.
        const path = new URL(message.location().url || facts.url).pathname.replace("/api/v1/", "");
        const expected = /Failed to load resource/.test(message.text()) && (facts.lacks.includes(path) || allowed.some((status) => message.text().includes(String(status))));
        if (["error", "warning"].includes(message.type()) && !expected)
            page.troubles.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    });
    page.on("request", (request) => request.url().startsWith(facts.url + "/") || page.troubles.push("asks elsewhere: " + request.url()));
    if (token)
        await context.addInitScript((text) => sessionStorage.getItem("skerry-left") || sessionStorage.setItem("skerry-token", text), token);
    await page.goto(facts.url + path);
    return page;
}

export async function close(page) {
    const troubles = page.troubles;
    await page.context().close();
    expect(!troubles.length, "the browser has nothing to complain about", ...troubles);
}

// Waits until fn() is true in the page.
export const until = (page, fn, arg) => page.waitForFunction(fn, arg, { timeout: LIMIT_MS });

// axe-core's rules for WCAG 2.1 A and AA; evaluated, because the page's policy lets no script in.
export async function accessible(page, what) {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] }));
    expect(!found.violations.length, `${what} is accessible`, ...found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.slice(0, 3).map((node) => node.html + " " + node.failureSummary).join(" | ")}`));
}

// Nothing sticks out to the right.
export async function fits(page, what) {
    const [wide, width] = await page.evaluate(() => {
        const main = document.querySelector("#main");
        return [Math.max(document.documentElement.scrollWidth, main.scrollWidth + innerWidth - main.clientWidth), innerWidth];
    });
    expect(wide <= width + 1, `${what} is no wider than the window`, { wide, width });
}

export async function shot(page, name) {
    mkdirSync(facts.screenshots, { recursive: true });
    await page.screenshot({ path: join(facts.screenshots, name + ".png") });
}

async function runOne({ name, run }) {
    const start = Date.now();
    try {
        const note = await run();
        console.log(`ok     ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)${note ? ": " + note : ""}`);
        return true;
    } catch (error) {
        console.log(`FAILED ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)\n  ${error.message}\n${(error.stack || "").split("\n").filter((line) => line.includes("tests/web")).join("\n")}`);
        // What it looked like then.
        await shot(current, "failed-" + name.replace(/\W+/g, "-")).catch(() => {});
        return false;
    }
}

export async function main() {
    const at = process.argv.indexOf("-k"), pattern = at > 0 ? process.argv[at + 1] : "";
    const chosen = cases.filter((one) => one.name.includes(pattern));
    const root = process.getuid() === 0 ? ["--no-sandbox"] : [];
    browser = await chromium.launch({ executablePath: facts.chromium, headless: true, args: [...root, "--disable-background-networking"] });
    let passed = 0;
    for (const one of chosen)
        passed += await runOne(one);
    await browser.close();
    console.log(`${passed} passed, ${chosen.length - passed} failed`);
    process.exitCode = passed === chosen.length && passed ? 0 : 1;
}
