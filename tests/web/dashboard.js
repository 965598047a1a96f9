// SPDX-License-Identifier: Apache-2.0
// Run by test_dashboard.py.
import { PHONE, WIDE, accessible, close, expect, facts, fits, main, open, shot, test, until } from "./harness.js";

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

test("of thousands of events the pages ask for the newest ones, once", async () => {
    const page = await open({ path: "/ui/nowhere" }), asked = [];
    await page.locator("main h1").waitFor();
    page.on("response", (response) => /\/api\/v1\/(events|devices\/harbour-1\/timeline)\b/.test(response.url()) && asked.push(response));
    for (const [path, text] of [["/", /online|connected/], ["/ui/devices/harbour-1", /harbour-1 is online/]]) {
        asked.length = 0;
        await page.goto(facts.url + path);
        await page.getByRole("list", { name: "Events, newest first" }).getByText(text).first().waitFor();
        expect(asked.length === 1, `${path} asks once`, asked.map((one) => one.url()));
        const { events, timeline } = await asked[0].json();
        expect((events || timeline).length <= 300, `${path} gets no more than it shows`);
    }
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

test("a certificate that ends soon shows in the list and on the device's page", async () => {
    const page = await open({ path: "/ui/devices?q=node-0000" });
    await page.getByRole("row").filter({ hasText: "node-00005" }).getByText("certificate: 12 d").waitFor();
    expect((await page.getByText("certificate:").count()) === 1, "no other device is warned of");
    await page.getByRole("link", { name: "node-00005" }).click();
    await page.getByText(/Its certificate: 12 d/).waitFor();
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

test("a device: its log is text, commands are answered, an update is followed live", async () => {
    const page = await open({ path: "/ui/devices/beacon-7" });
    await page.getByText("<img src=x onerror=alert(1)>").waitFor();
    expect((await page.locator(".log img, .log b").count()) === 0, "what a device says is never markup");
    await page.getByText("climate.celsius").waitFor();
    expect((await page.locator("figure canvas").count()) === 2, "both telemetry values are drawn", await page.locator("figure canvas").count());
    await page.getByRole("button", { name: "Identify" }).click();
    await page.getByText("beacon-7 shows itself").waitFor();
    await page.getByLabel("Image to update to").selectOption({ label: await page.getByRole("option", { name: /1\.1\.0/ }).textContent() });
    await page.getByRole("button", { name: "Update", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await dialog.waitFor();
    await shot(page, "device-dialog-1280");
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "hidden" });
    expect((await page.getByText("No updates yet").count()) === 1, "Escape starts nothing");
    await page.getByRole("button", { name: "Update", exact: true }).click();
    await dialog.getByRole("button", { name: "Update", exact: true }).click();
    await page.getByRole("cell", { name: "succeeded" }).waitFor();
    await until(page, () => [...document.querySelectorAll(".facts dd strong")].some((one) => one.textContent === "1.1.0"));
    await page.getByText(/beacon-7 runs 1\.1\.0/).first().waitFor();
    await shot(page, "device-updated-1280");
    await close(page);
});

test("keyboard alone: skip link, navigation, a device and back", async () => {
    const page = await open();
    await page.locator("main h1").waitFor();
    await page.keyboard.press("Tab");
    const focused = () => page.evaluate(() => document.activeElement.textContent.trim() || document.activeElement.getAttribute("aria-label"));
    expect((await focused()) === "Skip to the content", "the first stop is the skip link", await focused());
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    expect(outline === "solid", "focus is seen", outline);
    for (let i = 0; i < 12 && (await focused()) !== "Devices"; i++)
        await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Devices" }).waitFor();
    expect((await focused()) === "Devices", "the new page's heading has the focus", await focused());
    await page.getByRole("link", { name: "beacon-7", exact: true }).waitFor();
    for (let i = 0; i < 12 && !(await page.evaluate(() => document.activeElement.classList.contains("rows"))); i++)
        await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "harbour-1" }).waitFor();
    await page.goBack();
    await page.getByRole("heading", { name: "Devices" }).waitFor();
    await close(page);
});

test("the theme is switched, and stays", async () => {
    const page = await open({ scheme: "light" });
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    await page.getByRole("button", { name: /^Theme/ }).click();
    expect((await theme()) === "light", "first the explicit light", await theme());
    await page.getByRole("button", { name: /^Theme/ }).click();
    expect((await theme()) === "dark", "then dark", await theme());
    await page.locator("main h1").waitFor();
    await until(page, () => !document.querySelector("main .loading"));
    await shot(page, "overview-dark-1280");
    await page.reload();
    await page.locator("main h1").waitFor();
    expect((await theme()) === "dark", "it stays over a reload", await theme());
    await close(page);
});

test("a rollout: planned, started, paused, resumed, aborted", async () => {
    const page = await open({ path: "/ui/rollouts" });
    await page.getByRole("button", { name: "New rollout" }).click();
    const first = page.getByRole("group", { name: "Wave 1" });
    await page.getByRole("button", { name: "Preview the plan" }).click();
    await page.getByText("Choose an image.").waitFor();
    await page.getByLabel("Image", { exact: true }).selectOption({ label: await page.getByRole("option", { name: /1\.1\.0/ }).textContent() });
    await page.getByLabel("Name", { exact: true }).first().fill("spring tide");
    await page.getByLabel("Devices", { exact: true }).first().fill("id in (harbour-1 harbour-2 node-00001 node-00002)");
    await first.getByLabel("Devices").fill("2");
    await first.getByLabel("Only those with").fill("online=true");
    await page.getByRole("group", { name: "Wave 2" }).getByRole("button", { name: "Remove this wave" }).click();
    await page.getByRole("button", { name: "Preview the plan" }).click();
    await page.getByText(/harbour-\d, harbour-\d/).waitFor();
    await page.getByRole("region", { name: "Plan" }).scrollIntoViewIfNeeded();
    await accessible(page, "the form of a rollout");
    await shot(page, "rollout-plan-1280");
    await page.getByRole("button", { name: "Make the draft" }).click();
    await page.getByRole("heading", { name: "spring tide" }).waitFor();

    const verb = async (name, state) => {
        await page.getByRole("button", { name, exact: true }).click();
        await page.getByRole("dialog").getByRole("button", { name, exact: true }).click();
        await page.locator(".page-head .badge", { hasText: state }).waitFor();
    };
    await verb("Start", "running");
    await page.locator(".wave .good", { hasText: "2 succeeded" }).first().waitFor();
    await page.getByText(/Gate satisfied since/).waitFor();
    await page.getByRole("link", { name: "node-00001" }).waitFor();
    await accessible(page, "the page of a rollout");
    await shot(page, "rollout-1280");
    await page.setViewportSize(PHONE);
    await fits(page, "the page of a rollout on a phone");
    await accessible(page, "the page of a rollout on a phone");
    await shot(page, "rollout-390");
    await page.setViewportSize(WIDE);
    await verb("Pause", "paused");
    await verb("Resume", "running");
    await verb("Abort", "aborted");
    expect((await page.getByRole("button", { name: /Start|Pause|Resume|Abort/ }).count()) === 0, "an aborted rollout offers nothing more");
    expect(await page.getByText("not opened").isVisible() && (await page.getByText(/opens in/).count()) === 0, "the wave that never opened says so, and promises nothing");
    await page.locator("td .badge", { hasText: "canceled" }).first().waitFor();
    await shot(page, "rollout-aborted-1280");
    await close(page);
});

const verbs = async (page) => (await page.locator(".page-head .actions button").allTextContents()).map((one) => one.trim());

async function act(page, name, state) {
    await page.getByRole("button", { name, exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name, exact: true }).click();
    if (state)
        await page.locator(".page-head .badge", { hasText: state }).waitFor();
}

test("who may not is offered nothing: a viewer on each page, an operator where tokens are made", async () => {
    const offers = async (page, path) => {
        if (page.url() !== facts.url + path)
            await page.goto(facts.url + path);
        await page.locator("main h1").waitFor();
        await page.getByText(/^(viewer|operator)/).first().waitFor();
        await until(page, () => !document.querySelector("main .loading"));
        return (await page.locator("main button, main input[type=file]").allTextContents()).map((one) => one.trim());
    };
    const DO = { "/ui/devices/tide-1": ["Update", "Identify", "Restart"], "/ui/rollouts": ["New rollout"] };
    for (const role of ["viewer", "operator"]) {
        const page = await open({ token: facts.tokens[role], path: "/ui/settings" }); // one session: what was loaded is not loaded again
        const names = await offers(page, "/ui/settings");
        expect(!names.some((one) => /token/i.test(one)), "tokens are an admin's", names);
        for (const [path, acts] of Object.entries(DO)) {
            const offered = await offers(page, path);
            if (role === "viewer")
                expect(!acts.some((one) => offered.includes(one)), `a viewer is not offered ${acts} on ${path}`, offered);
            else
                expect(acts.every((one) => offered.includes(one)), `an operator is offered ${acts} on ${path}`, offered);
        }
        await offers(page, `/ui/rollouts/${facts.rollout}`);
        await page.getByRole("heading", { name: "neap tide" }).waitFor();
        expect((await verbs(page)).length === 0, "neither a viewer nor the author may approve or start it", await verbs(page));
        await close(page);
    }
});

test("a rollout of somebody else: approved, started, the failed one tried again, all rolled back", async () => {
    const page = await open({ path: `/ui/rollouts/${facts.rollout}` });
    await page.getByRole("heading", { name: "neap tide" }).waitFor();
    await page.getByRole("button", { name: "Approve", exact: true }).waitFor();
    expect(!(await verbs(page)).includes("Start"), "it cannot start before", await verbs(page));
    await act(page, "Approve");
    await page.getByRole("button", { name: "Start", exact: true }).waitFor();
    expect(!(await verbs(page)).includes("Approve"), "one approves once", await verbs(page));
    await act(page, "Start", "paused"); // its only wave has ended below its gate
    await page.locator("td .badge", { hasText: "failed" }).waitFor();
    await act(page, "Retry failed");
    await page.locator("td .badge", { hasText: "pending" }).waitFor();
    expect(!(await verbs(page)).includes("Retry failed"), "nobody has failed any more", await verbs(page));
    await act(page, "Resume", "running");
    await page.locator(".wave .good", { hasText: "2 succeeded" }).first().waitFor();
    expect((await verbs(page)).join() === "Pause,Close,Roll back,Abort", "it waits for later devices until it is closed", await verbs(page));
    await act(page, "Roll back", "reverted");
    await page.locator(".wave", { hasText: "2 going back" }).first().waitFor();
    expect((await verbs(page)).length === 0, "then nothing is left to do", await verbs(page));
    await close(page);
});

test("skerryd goes and comes back: the page says so, and tells what happened meanwhile", async () => {
    const page = await open({ allowed: ["ERR_", "503"] });
    await page.getByText("Live", { exact: true }).waitFor();
    const list = page.getByRole("list", { name: "Events, newest first" });
    await list.waitFor();
    const start = Math.floor(Date.now() / 1000) * 1000;
    process.kill(facts.skerryd, "SIGTERM");
    await page.getByText("Disconnected", { exact: true }).waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await until(page, (at) => [...document.querySelectorAll(".events li")].some((one) => one.textContent.includes("skerryd started") && Date.parse(one.querySelector("time").dateTime) >= at), start);
    await close(page);
});

// Every page as it looks, on a desk and on a phone, light and dark: fits, is accessible, and says something.
const PAGES = [["overview", "/"], ["device", "/ui/devices/harbour-1"], ["rollouts", "/ui/rollouts"], ["rollout-new", "/ui/rollouts/new"], ["images", "/ui/images"],
    ["audit", "/ui/audit"], ["settings", "/ui/settings"], ["missing", "/ui/nowhere"]];

for (const [size, scheme] of [[WIDE, "light"], [PHONE, "dark"]]) {
    test(`every page at ${size.width} px, ${scheme}`, async () => {
        const page = await open({ size, scheme }), faults = [];
        for (const [name, path] of PAGES) {
            await page.goto(facts.url + path);
            await page.locator("main h1").waitFor();
            await until(page, () => !document.querySelector("main .loading"));
            expect((await page.evaluate(() => document.documentElement.dataset.theme)) === scheme, `${name} follows the system's theme`);
            await shot(page, `${name}-${size.width}`);
            for (const check of [fits, accessible])
                await check(page, name).catch((error) => faults.push(error.message));
        }
        expect(!faults.length, "all pages are as they should be", ...faults);
        await close(page);
    });
}

await main();
