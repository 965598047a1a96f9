// SPDX-License-Identifier: Apache-2.0
// Light or dark: as the system says, until the viewer says otherwise.
const KEY = "skerry-theme";
const watchers = new Set();

export function chosen() {
    return localStorage.getItem(KEY) || "auto";
}

export function isDark() {
    return chosen() === "dark" || (chosen() === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
}

export function apply() {
    document.documentElement.dataset.theme = isDark() ? "dark" : "light";
    watchers.forEach((watcher) => watcher());
}

export function choose(theme) {
    localStorage.setItem(KEY, theme);
    apply();
}

export function watch(watcher) {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
}

export function start() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
    apply();
}
