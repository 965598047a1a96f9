// SPDX-License-Identifier: Apache-2.0
// Events that have been.
import { get } from "./api.js";

const FULL = 500; // rows of one answer
const TURNS_MAX = 60;

// The newest events, oldest first. A server that does not know `newest` answers with the oldest: then the rest is asked for in turn.
export async function latest(query, signal) {
    let rows = [], since = 0;
    for (let turn = 0; turn < TURNS_MAX; turn++) {
        const { events } = await get("/events", { ...query, since, newest: turn ? undefined : 1 }, signal);
        rows = rows.concat(events).slice(-FULL);
        if (events.length < FULL)
            break;
        since = events.at(-1).n;
    }
    return rows;
}
