// SPDX-License-Identifier: Apache-2.0
// The device list as the server pages it.
import { get } from "./api.js";
import { span } from "./format.js";

export const PAGE = 500;

const CERT_WARN_S = 30 * 86400;

// What there is to say about a certificate that expires soon; nothing else: undefined.
export function certificateWarning(device, now) {
    const left = device.certExpires - now;
    if (device.state === "revoked" || device.state === "retired" || !(left < CERT_WARN_S))
        return undefined;
    return left > 0 ? `certificate: ${span(left)} left` : "certificate expired";
}

// What is typed is either words to look for, or a selector.
export function isSelector(text) {
    return /[=!]|\s(not\s+)?in\s*\(|^\s*[\w.-]+\s*,/.test(text);
}

export function queryOf(text) {
    const trimmed = text.trim();
    return isSelector(trimmed) ? { selector: trimmed } : { q: trimmed };
}

// Of a server without paging, which answers with every device there is.
function filterAll(devices, { q }) {
    const words = (q || "").toLowerCase().split(/\s+/).filter(Boolean);
    return devices.filter((device) => {
        const text = [device.id, device.board, device.version, device.app].join(" ").toLowerCase();
        return words.every((word) => text.includes(word));
    });
}

// Pages of the devices that match `text`, fetched in turn as far as they are wanted.
export class DeviceList {
    constructor(text, onChange) {
        Object.assign(this, { query: queryOf(text), onChange, pages: [], total: undefined, next: "", error: null, wanted: 1, loading: null, closed: false });
        this.load();
    }

    close() {
        this.closed = true;
    }

    row(index) {
        return this.pages[Math.floor(index / PAGE)]?.rows[index % PAGE];
    }

    get loaded() {
        return this.pages.reduce((sum, page) => sum + page.rows.length, 0);
    }

    want(last) {
        this.wanted = Math.max(this.wanted, last);
        return this.load();
    }

    // One page after the other: each tells where the next begins.
    load() {
        this.loading ??= this.loadWanted().finally(() => {
            this.loading = null;
        });
        return this.loading;
    }

    async loadWanted() {
        while (!this.closed && this.next !== undefined && this.loaded < this.wanted) {
            try {
                await this.loadPage(this.pages.length, this.next);
                this.error = null;
            } catch (error) {
                this.error = error;
            }
            if (this.closed)
                return;
            this.onChange();
            if (this.error)
                return;
        }
    }

    async loadPage(index, cursor) {
        const answer = await get("/devices", { ...this.query, limit: PAGE, cursor });
        if (answer.total === undefined)
            return this.takeAll(filterAll(answer.devices, this.query));
        this.pages[index] = { cursor, rows: answer.devices };
        this.total = answer.total;
        if (index === this.pages.length - 1)
            this.next = answer.devices.length ? answer.next : undefined;
    }

    takeAll(rows) {
        this.pages = [];
        for (let i = 0; i < rows.length; i += PAGE)
            this.pages.push({ cursor: undefined, rows: rows.slice(i, i + PAGE) });
        this.total = rows.length;
        this.next = undefined;
    }

    // The pages that hold rows first…last, once more.
    async refresh(first, last) {
        try {
            for (let index = Math.floor(first / PAGE); index <= Math.floor(Math.max(first, last - 1) / PAGE); index++)
                if (this.pages[index] || !this.pages.length)
                    await this.loadPage(index, this.pages[index]?.cursor || "");
            this.error = null;
        } catch (error) {
            this.error = error;
        }
        if (!this.closed)
            this.onChange();
    }
}
