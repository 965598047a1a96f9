// SPDX-License-Identifier: Apache-2.0
// The token, for this tab only: sessionStorage ends with it.
const KEY = "skerry-token";
const watchers = new Set();

export function token() {
    return sessionStorage.getItem(KEY) || "";
}

// Why the last session ended, for the login page; "": it did not.
export let ended = "";

export function begin(text) {
    sessionStorage.setItem(KEY, text);
    ended = "";
    watchers.forEach((watcher) => watcher());
}

export function end(why = "") {
    if (!token())
        return;
    sessionStorage.removeItem(KEY);
    ended = why;
    watchers.forEach((watcher) => watcher());
}

export function watch(watcher) {
    watchers.add(watcher);
    return () => watchers.delete(watcher);
}
