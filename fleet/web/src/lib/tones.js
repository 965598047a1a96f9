// SPDX-License-Identifier: Apache-2.0
// Which states look how.
export const healthTone = (health) => ({ good: "good", ok: "good", well: "good", unknown: "idle", trial: "info", safe: "bad" })[health] || "warn";

export const jobTone = (status) => ({ SUCCEEDED: "good", FAILED: "bad", REJECTED: "bad", TIMED_OUT: "bad", CANCELED: "idle", IN_PROGRESS: "info", QUEUED: "idle" })[status] || "idle";

export const rolloutTone = (state) => ({
    draft: "idle", running: "info", paused: "warn", complete: "good", aborting: "warn", aborted: "bad", reverting: "warn", reverted: "bad",
})[state] || "idle";

export const targetTone = (state) => ({
    pending: "idle", offered: "info", active: "info", held: "info", succeeded: "good", failed: "bad", rejected: "bad", "timed-out": "bad", skipped: "idle", canceled: "idle",
    reverting: "warn", reverted: "warn", stranded: "bad",
})[state] || "idle";

export function eventTone({ kind, text }) {
    if (kind === "job-ended")
        return jobTone(/\b(SUCCEEDED|FAILED|REJECTED|TIMED_OUT|CANCELED)\b/.exec(text)?.[1]);
    if (/failed|rejected|timed-out|timed_out|crash|mismatch|malformed|lost|cannot|revoked/.test(kind))
        return "bad";
    if (/offline|canceled|paused|abort|revert|unknown/.test(kind))
        return "warn";
    return /online|succeeded|complete/.test(kind) ? "good" : "idle";
}
