// SPDX-License-Identifier: Apache-2.0
// Run by test_dashboard.py.
import { PHONE, accessible, close, expect, facts, fits, main, open, shot, test, until } from "./harness.js";

test("a token lets in, a wrong one does not", async () => {
    const page = await open({ token: "", allowed: [401] });
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("skerryd does not know this token").waitFor();
    await accessible(page, "the login page");
    await shot(page, "login-1280");
    await page.getByLabel("Token").fill(facts.token);
    await page.keyboard.press("Enter");
    await page.getByRole("navigation", { name: "Pages" }).waitFor();
    expect(!(await page.evaluate(() => JSON.stringify(localStorage))).includes(facts.token), "the token is not kept beyond the tab");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("Token").waitFor();
    expect((await page.evaluate(() => sessionStorage.length)) === 0, "signing out forgets the token");
    await close(page);
});

test("the device list finds one of ten thousand, and scrolls to the last", async () => {
    const page = await open({ path: "/ui/devices" });
    const rows = page.getByRole("table", { name: /Devices/ });
    await rows.waitFor();
    expect((await rows.getAttribute("aria-rowcount")) === String(facts.rows + 1), "all devices are counted", await rows.getAttribute("aria-rowcount"));
    await page.getByRole("link", { name: "beacon-7", exact: true }).waitFor();
    expect((await page.locator(".rows .row").count()) < 80, "only the rows in view are drawn", await page.locator(".rows .row").count());
    await shot(page, "devices-1280");
    await accessible(page, "the device list");
    await page.getByRole("link", { name: "beacon-7", exact: true }).focus();
    await page.keyboard.press("End");
    await page.getByRole("link", { name: "node-09999" }).waitFor();
    await page.getByLabel("Search devices").fill("node-0777");
    await until(page, () => document.querySelector(".rows")?.getAttribute("aria-rowcount") === "11");
    await page.getByLabel("Search devices").fill("no-such-thing");
    await page.getByText("No device matches").waitFor();
    await close(page);
});

test("the device list on a phone", async () => {
    const page = await open({ size: PHONE, path: "/ui/devices" });
    await page.getByRole("link", { name: "beacon-7", exact: true }).waitFor();
    await fits(page, "the device list");
    await accessible(page, "the device list on a phone");
    await shot(page, "devices-390");
    await close(page);
});

await main();
