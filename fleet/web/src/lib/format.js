// SPDX-License-Identifier: Apache-2.0
// Values as people read them. Times are unix seconds.

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

export function span(seconds) {
    const whole = Math.max(0, Math.round(seconds));
    const at = UNITS.findIndex(([size]) => whole >= size);
    if (at < 0)
        return "0 s";
    const [size, name] = UNITS[at];
    const count = Math.floor(whole / size), next = UNITS[at + 1];
    const rest = next && size >= 3600 && count < 10 ? Math.floor((whole % size) / next[0]) : 0;
    return `${count} ${name}` + (rest ? ` ${rest} ${next[1]}` : "");
}

export function ago(time, now) {
    if (!time)
        return "never";
    return now - time < 3 ? "now" : span(now - time) + " ago";
}

const pad = (number) => String(number).padStart(2, "0");

// In the viewer's own time zone; the date only when it is not today's.
export function clock(time, now = Date.now() / 1000) {
    const at = new Date(time * 1000), today = new Date(now * 1000);
    const hours = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
    return at.toDateString() === today.toDateString() ? hours : `${day(time)} ${hours}`;
}

export function day(time) {
    const at = new Date(time * 1000);
    return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
}

export function bytes(count) {
    if (count === undefined || count === null)
        return "–";
    if (count < 1024)
        return `${count} B`;
    const kib = count / 1024;
    return kib < 1024 ? `${kib.toFixed(kib < 10 ? 1 : 0)} KiB` : `${(kib / 1024).toFixed(1)} MiB`;
}

const grouped = new Intl.NumberFormat("en-GB");
export const count = (number) => grouped.format(number ?? 0);
export const plural = (number, one, many = one + "s") => `${count(number)} ${number === 1 ? one : many}`;
export const short = (digest) => (digest ? digest.slice(0, 12) : "–");

// A measured value: no more digits than say something.
export function measure(value) {
    if (!Number.isFinite(value) || Number.isInteger(value))
        return String(value);
    return String(Number(value.toPrecision(Math.abs(value) >= 1000 ? 6 : 4)));
}

export function percent(part, whole) {
    if (!whole)
        return "0 %";
    const value = (100 * part) / whole;
    // 99.97 % is not all, and 0.03 % is not none.
    const text = part < whole && value > 99.5 ? Math.min(99.9, value).toFixed(1) : part && value < 0.5 ? Math.max(0.1, value).toFixed(1) : String(Math.round(value));
    return text + " %";
}
