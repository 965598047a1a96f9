// SPDX-License-Identifier: Apache-2.0
// Events that have been.
import { get } from "./api.js";

export const KEPT = 300;

// The newest events, oldest first: at most KEPT, however many there are. `query` as in useEvents().
export async function latest(query, signal) {
    return (await get("/events", { ...query, newest: KEPT }, signal)).events;
}
