// SPDX-License-Identifier: Apache-2.0

// Events have a number; what stands in for an event that is gone is the one of its kind of a job or crash.
function keyOf(row) {
    return row.n ?? [row.kind, row.job, row.crash].join(" ");
}

// `more` rows of a device's timeline with those at hand: each once, newest first; of one second events first, the rest as the server told it.
export function add(rows, more) {
    const known = new Set(rows.map(keyOf));
    return [...rows, ...more.filter((row) => !known.has(keyOf(row)))].sort((a, b) => b.time - a.time || (b.n ?? 0) - (a.n ?? 0));
}
