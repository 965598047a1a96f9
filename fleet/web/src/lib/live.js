// SPDX-License-Identifier: Apache-2.0
// What changes, as it changes: GET /stream, again and again; without that endpoint, long polls of /events.
import { get, open, Problem } from "./api.js";
import * as session from "./session.js";
import { latest } from "./events.js";
import { parser } from "./sse.js";

const QUIET_MS = 40000; // the server says something each 15 s
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15000];

export const pauseAfter = (failures) => PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1] || 0;

const sleep = (ms, signal) => new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", () => (clearTimeout(timer), done()), { once: true });
});

// One subscription: onMessage(kind, value), onState("live" | "polling" | "lost"). Ends by close().
export class Subscription {
    constructor(query, onMessage, onState = () => {}) {
        Object.assign(this, { query, onMessage, onState, since: undefined, failures: 0 });
        this.ending = new AbortController();
        this.run();
    }

    close() {
        this.ending.abort();
    }

    get ended() {
        return this.ending.signal.aborted;
    }

    async run() {
        while (!this.ended && session.token()) {
            try {
                if (!(await this.stream()))
                    await this.poll();
            } catch (error) {
                if (error.name !== "AbortError" || !this.ended)
                    this.failures++;
            }
            if (this.ended)
                return;
            if (this.failures)
                this.onState("lost");
            await sleep(pauseAfter(this.failures) * (0.75 + Math.random() / 2), this.ending.signal);
        }
    }

    // Until the stream ends; false: there is no such endpoint.
    async stream() {
        const watch = new AbortController();
        const stop = () => watch.abort();
        this.ending.signal.addEventListener("abort", stop);
        let timer = setTimeout(stop, QUIET_MS);
        try {
            const response = await open("/stream", { query: { ...this.query, since: this.since }, signal: watch.signal });
            if (response.status === 404)
                return false;
            if (!response.ok)
                throw new Problem(response.status, "stream");
            this.begin("live");
            const feed = parser((message) => this.take(message));
            const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
            for (let part = await reader.read(); !part.done; part = await reader.read()) {
                clearTimeout(timer);
                timer = setTimeout(stop, QUIET_MS);
                feed(part.value);
            }
            this.failures++;
            return true;
        } finally {
            clearTimeout(timer);
            this.ending.signal.removeEventListener("abort", stop);
        }
    }

    begin(state) {
        this.failures = 0;
        this.onState(state);
    }

    take({ id, event, data }) {
        if (id)
            this.since = Number(id);
        this.onMessage(event, JSON.parse(data));
    }

    async poll() {
        const { device } = this.query;
        this.since ??= (await latest({ device })).at(-1)?.n ?? 0;
        this.begin("polling");
        while (!this.ended) {
            const { events } = await get("/events", { device, since: this.since, wait: 25 }, this.ending.signal);
            for (const row of events) {
                this.since = row.n;
                this.onMessage("event", row);
            }
        }
    }
}

// ---- the one that the whole page shares ----

const listeners = new Set();
const stateListeners = new Set();
let shared = null;
export let state = "connecting";

function setState(next) {
    state = next;
    stateListeners.forEach((listener) => listener(next));
}

export function start() {
    stop();
    shared = new Subscription({}, (kind, value) => listeners.forEach((listener) => listener(kind, value)), setState);
}

export function stop() {
    shared?.close();
    shared = null;
    setState("connecting");
}

// listener(kind, value); returns what ends it.
export function listen(listener) {
    listeners.add(listener);
    return () => listeners.delete(listener);
}

export function watchState(listener) {
    stateListeners.add(listener);
    return () => stateListeners.delete(listener);
}
