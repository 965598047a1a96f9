// SPDX-License-Identifier: Apache-2.0
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { get } from "../lib/api.js";
import { Subscription } from "../lib/live.js";
import { Card, Failure, Time } from "./ui.jsx";

const KEPT = 2000, FULL = 500, PAUSE_MS = 3000;

// Each number once, in order; the newest are kept.
export function addLines(before, lines) {
    const last = before.at(-1)?.n ?? 0;
    if (lines.every((line) => line.n > last))
        return lines.length ? before.concat(lines).slice(-KEPT) : before;
    const all = new Map([...before, ...lines].map((line) => [line.n, line]));
    return [...all.values()].sort((a, b) => a.n - b.n).slice(-KEPT);
}

const level = (text) => (/\b(panic|error|err|fail(ed)?)\b/i.test(text) ? "err" : /\bwarn(ing)?\b/i.test(text) ? "warn" : undefined);

// What there is, and what comes: by the stream, or by long polls where that is missing.
class Follower {
    constructor(id, set) {
        Object.assign(this, { path: `/devices/${encodeURIComponent(id)}/logs`, set, since: 0, polls: false, ending: new AbortController() });
        this.subscription = new Subscription({ device: id }, (kind, value) => kind === "log" && this.take(value.lines ?? [value]), (mode) => this.onState(mode));
        this.catchUp();
    }

    close() {
        this.subscription.close();
        this.ending.abort();
    }

    take(lines) {
        this.set((old) => ({ lines: addLines(old.lines, lines), ready: true }));
    }

    async ask(wait) {
        const { lines } = await get(this.path, { since: this.since, wait }, this.ending.signal);
        this.since = lines.at(-1)?.n ?? this.since;
        this.take(lines);
        return lines.length;
    }

    async catchUp() {
        try {
            while ((await this.ask()) === FULL);
        } catch (error) {
            if (!this.ending.signal.aborted)
                this.set((old) => ({ ...old, error }));
        }
    }

    // A stream that was cut has missed lines.
    onState(mode) {
        if (mode === "live")
            this.catchUp();
        else if (mode === "polling" && !this.polls)
            this.poll();
    }

    async poll() {
        this.polls = true;
        while (!this.ending.signal.aborted) {
            try {
                await this.ask(25);
            } catch {
                await new Promise((done) => setTimeout(done, PAUSE_MS));
            }
        }
    }
}

function useLog(id) {
    const [state, set] = useState({ lines: [] });
    useEffect(() => {
        const follower = new Follower(id, set);
        return () => follower.close();
    }, [id]);
    return state;
}

export function Log({ id }) {
    const { lines, error, ready } = useLog(id);
    const box = useRef(null), atEnd = useRef(true);
    useLayoutEffect(() => {
        if (atEnd.current)
            box.current.scrollTop = box.current.scrollHeight;
    }, [lines]);
    const onScroll = () => {
        atEnd.current = box.current.scrollHeight - box.current.scrollTop - box.current.clientHeight < 30;
    };
    return (
        <Card title="Log" flush>
            {error && !ready && <Failure error={error} />}
            <div class="log" role="log" aria-label="Log of the device" aria-live="off" tabIndex={0} ref={box} onScroll={onScroll}>
                {lines.map((line) => <p key={line.n} class={level(line.text)}><Time at={line.time} />{line.text}</p>)}
                {ready && !lines.length && <p class="none">No line has come yet.</p>}
            </div>
        </Card>
    );
}
