// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { KEPT, latest } from "./events.js";
import { useLive } from "./hooks.js";

// {events, error, loading}, newest first, growing as more happens. `query` {device} or {rollout} or {}.
export function useEvents(query) {
    const [state, set] = useState({ loading: true, events: [] });
    const key = JSON.stringify(query);
    const belongs = (row) => Object.entries(query).every(([name, value]) => row[name] === value);
    useEffect(() => {
        const ending = new AbortController();
        latest(query, ending.signal).then(
            (rows) => set((old) => ({ events: merge(rows, old.events), loading: false })),
            (error) => error.name === "AbortError" || set((old) => ({ ...old, error, loading: false })));
        return () => ending.abort();
    }, [key]);
    useLive((kind, row) => kind === "event" && belongs(row) && set((old) => ({ ...old, events: merge([row], old.events) })));
    return state;
}

export function merge(rows, before) {
    const all = new Map([...before, ...rows].map((row) => [row.n, row]));
    return [...all.values()].sort((a, b) => b.n - a.n).slice(0, KEPT);
}
