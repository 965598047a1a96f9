// SPDX-License-Identifier: Apache-2.0
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { get } from "./api.js";
import * as live from "./live.js";
import * as route from "./route.js";

export function useLocation() {
    const read = () => location.pathname + location.search;
    const [, set] = useState(read());
    useEffect(() => route.watch(() => set(read())), []);
    return { ...route.pageOf(location.pathname), query: new URLSearchParams(location.search) };
}

// Unix seconds, moving on each `every` seconds.
export function useNow(every = 5) {
    const [now, set] = useState(Date.now() / 1000);
    useEffect(() => {
        const timer = setInterval(() => set(Date.now() / 1000), every * 1000);
        return () => clearInterval(timer);
    }, [every]);
    return now;
}

export function useTitle(title) {
    useEffect(() => {
        document.title = title ? `${title} · Skerry` : "Skerry";
    }, [title]);
}

// fn(kind, value) for everything that is told live.
export function useLive(fn) {
    const latest = useRef(fn);
    latest.current = fn;
    useEffect(() => live.listen((kind, value) => latest.current(kind, value)), []);
}

export function useLiveState() {
    const [state, set] = useState(live.state);
    useEffect(() => live.watchState(set), []);
    return state;
}

// A function that runs `fn` soon, at most once per `ms`, and not after the component is gone.
export function useThrottled(fn, ms) {
    const latest = useRef(fn), timer = useRef(0), last = useRef(0);
    latest.current = fn;
    useEffect(() => () => clearTimeout(timer.current), []);
    return useCallback(() => {
        if (timer.current)
            return;
        timer.current = setTimeout(() => {
            timer.current = 0;
            last.current = Date.now();
            latest.current();
        }, Math.max(0, last.current + ms - Date.now()));
    }, [ms]);
}

// {data, error, loading, reload, setData} of a GET. `on(kind, value)`: true when it should be asked again; `every`: seconds at the latest.
export function useResource(path, { query, on, every = 30, throttleMs = 1000 } = {}) {
    const key = path && JSON.stringify([path, query]);
    const [state, set] = useState({ loading: true });
    const current = useRef(null);

    const load = useCallback(async () => {
        if (!path)
            return;
        const ending = new AbortController();
        current.current?.abort();
        current.current = ending;
        try {
            const data = await get(path, query, ending.signal);
            set({ data, key, loading: false });
        } catch (error) {
            if (error.name !== "AbortError")
                set((old) => ({ ...(old.key === key ? old : {}), error, key, loading: false }));
        }
    }, [key]);

    useEffect(() => {
        set((old) => (old.key === key ? old : { loading: true, key }));
        load();
        const timer = setInterval(() => document.hidden || load(), every * 1000);
        return () => {
            clearInterval(timer);
            current.current?.abort();
        };
    }, [load, every]);

    const soon = useThrottled(load, throttleMs);
    useLive((kind, value) => on?.(kind, value) && soon());
    return { ...(state.key === key ? state : { loading: true }), reload: load, setData: (data) => set({ data, key, loading: false }) };
}

export function useMedia(text) {
    const [matches, set] = useState(() => matchMedia(text).matches);
    useEffect(() => {
        const query = matchMedia(text), change = () => set(query.matches);
        query.addEventListener("change", change);
        return () => query.removeEventListener("change", change);
    }, [text]);
    return matches;
}
