// SPDX-License-Identifier: Apache-2.0
// Requests to /api/v1. What fails is thrown as a Problem, whose text names cause and remedy.
import * as session from "./session.js";

export class Problem extends Error {
    constructor(status, title, detail, more = {}) {
        super(detail || title);
        Object.assign(this, { status, title, detail: detail || title, more });
    }
}

export function url(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== "");
    const text = new URLSearchParams(given).toString();
    return "/api/v1" + path + (text ? "?" + text : "");
}

// The answer as it comes; throws a Problem when there is none.
export async function open(path, { method = "GET", query, body, signal, token = session.token() } = {}) {
    const headers = { Authorization: "Bearer " + token };
    if (body !== undefined)
        headers["Content-Type"] = "application/json";
    try {
        return await fetch(url(path, query), { method, headers, signal, cache: "no-cache", body: body === undefined ? undefined : JSON.stringify(body) });
    } catch (error) {
        if (error.name === "AbortError")
            throw error;
        throw new Problem(0, "No connection", "skerryd does not answer. Check that it runs and that this machine reaches it; this page tries again by itself.");
    }
}

async function problemOf(response) {
    const text = await response.text();
    let body = {};
    try {
        body = JSON.parse(text);
    } catch {
        // not ours: a proxy's page, perhaps
    }
    let detail = body.detail || response.statusText || "status " + response.status;
    if (response.status === 429)
        detail += ` (again in ${response.headers.get("Retry-After") || "a few"} s)`;
    return new Problem(response.status, body.title || response.statusText, detail, body);
}

// The JSON of the answer. A token that is refused ends the session.
export async function request(path, options = {}) {
    const response = await open(path, options);
    if (response.ok)
        return response.status === 204 ? null : response.json();
    const problem = await problemOf(response);
    if (problem.status === 401 && !options.token)
        session.end("The token is no longer accepted: it was withdrawn or has expired. Sign in with another one.");
    throw problem;
}

export const get = (path, query, signal) => request(path, { query, signal });
export const post = (path, body = {}) => request(path, { method: "POST", body });
