// SPDX-License-Identifier: Apache-2.0
// What is around every page: navigation, whether the view is live, theme, sign out.
import { useEffect, useState } from "preact/hooks";
import { useLiveState } from "../lib/hooks.js";
import * as session from "../lib/session.js";
import * as theme from "../lib/theme.js";
import { Icon } from "./icons.jsx";
import { Link } from "./ui.jsx";

const PAGES = [
    ["overview", "Overview", "/"],
    ["devices", "Devices", "/ui/devices"],
    ["rollouts", "Rollouts", "/ui/rollouts"],
    ["images", "Images", "/ui/images"],
    ["audit", "Audit", "/ui/audit"],
    ["settings", "Settings", "/ui/settings"],
];

const STATES = {
    live: ["good", "Live", "Changes appear as they happen"],
    polling: ["info", "Polling", "This skerryd has no event stream: it is asked again and again"],
    connecting: ["idle", "Connecting", "The connection to skerryd is being made"],
    lost: ["bad", "Disconnected", "skerryd does not answer; trying again. What is shown may be old"],
};

function LiveState() {
    const [tone, text, title] = STATES[useLiveState()];
    return <span class={`live ${tone}`} role="status" title={title}>{text}</span>;
}

const NEXT = { auto: "light", light: "dark", dark: "auto" };
const THEME_ICON = { auto: "auto", light: "sun", dark: "moon" };

function ThemeButton() {
    const [chosen, set] = useState(theme.chosen());
    useEffect(() => theme.watch(() => set(theme.chosen())), []);
    const label = `Theme: ${chosen === "auto" ? "as the system" : chosen}. Switch to ${NEXT[chosen] === "auto" ? "the system's" : NEXT[chosen]}`;
    return <button type="button" class="quiet" onClick={() => theme.choose(NEXT[chosen])} aria-label={label} title={label}><Icon name={THEME_ICON[chosen]} /></button>;
}

function Who({ who }) {
    if (!who)
        return null;
    const text = [who.role, who.tenant && "tenant " + who.tenant].filter(Boolean).join(" · ");
    return <span class="who" title={text}><strong>{who.name}</strong><small>{text}</small></span>;
}

export function Shell({ page, who, children }) {
    const current = { device: "devices", rollout: "rollouts", "rollout-new": "rollouts" }[page] || page;
    return (
        <div class="shell">
            <a class="skip" href="#main">Skip to the content</a>
            <header class="top">
                <Link href="/" class="brand"><Logo /><span>Skerry</span></Link>
                <LiveState />
                <span class="stretch" />
                <Who who={who} />
                <ThemeButton />
                <button type="button" class="quiet" onClick={() => session.end()} aria-label="Sign out" title="Sign out"><Icon name="out" /></button>
            </header>
            <nav class="side" aria-label="Pages">
                {PAGES.map(([name, text, href]) => (
                    <Link key={name} href={href} aria-current={current === name ? "page" : undefined}><Icon name={name} /><span>{text}</span></Link>
                ))}
            </nav>
            <main id="main" tabIndex={-1}>{children}</main>
        </div>
    );
}

export function Logo() {
    return (
        <svg class="logo" viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
            <rect width="32" height="32" rx="7" class="ground" /><path d="M5 20 11 11l4 5 4-8 8 12Z" class="rock" />
            <path d="M5 24c2.500-2 4.500-2 7 0s4.500 2 7 0 5-2 8 0" class="sea" />
        </svg>
    );
}
