// SPDX-License-Identifier: Apache-2.0
// Paths of this page: which one is shown, and how to go elsewhere.

// {page, id} of a path.
export function pageOf(path) {
    const parts = path.split("/").filter(Boolean).map(decode);
    if (!parts.length)
        return { page: "overview" };
    const [root, page, id, ...more] = parts;
    if (root !== "ui" || more.length)
        return { page: "missing" };
    const known = { devices: "device", rollouts: "rollout", images: null, audit: null, settings: null };
    if (!Object.hasOwn(known, page) || (id && !known[page]))
        return { page: "missing" };
    if (page === "rollouts" && id === "new")
        return { page: "rollout-new" };
    return id ? { page: known[page], id } : { page };
}

function decode(part) {
    try {
        return decodeURIComponent(part);
    } catch {
        return part;
    }
}

export const deviceHref = (id) => "/ui/devices/" + encodeURIComponent(id);
export const rolloutHref = (id) => "/ui/rollouts/" + encodeURIComponent(id);
export const devicesHref = (query) => "/ui/devices" + (query ? "?q=" + encodeURIComponent(query) : "");

const watchers = new Set();

// Has the viewer moved on from the page that the browser loaded?
export let moved = false;

function tell() {
    moved = true;
    watchers.forEach((watcher) => watcher());
}

export function watch(watcher) {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
}

export function go(href, { replace = false } = {}) {
    history[replace ? "replaceState" : "pushState"](null, "", href);
    tell();
}

if (typeof window !== "undefined")
    window.addEventListener("popstate", tell);
