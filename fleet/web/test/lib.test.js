// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { certificateWarning, isSelector, queryOf } from "../src/lib/devices.js";
import * as format from "../src/lib/format.js";
import { verbsFor } from "../src/lib/rollouts.js";
import { pageOf } from "../src/lib/route.js";
import { parser } from "../src/lib/sse.js";
import { add } from "../src/lib/timeline.js";

function messages(...chunks) {
    const seen = [], feed = parser((message) => seen.push(message));
    chunks.forEach(feed);
    return seen;
}

test("a stream of events is the same however it is cut", () => {
    const text = ": hello\nid: 7\nevent: event\ndata: {\"n\":7}\n\nevent: fleet\ndata: a\ndata: b\n\nid: 8\r\ndata:x\r\n\r\n";
    const whole = [{ id: "7", event: "event", data: '{"n":7}' }, { id: "7", event: "fleet", data: "a\nb" }, { id: "8", event: "message", data: "x" }];
    assert.deepEqual(messages(text), whole);
    for (let cut = 0; cut <= text.length; cut++)
        assert.deepEqual(messages(text.slice(0, cut), text.slice(cut)), whole, `cut at ${cut}`);
    assert.deepEqual(messages(...text), whole);
});

test("a message that has not ended, or has no data, is none", () => {
    assert.deepEqual(messages("data: half\n"), []);
    assert.deepEqual(messages("event: fleet\n\n: comment\n\n"), []);
});

test("a rollout that is over, in whatever way, offers nothing", () => {
    for (const state of ["complete", "aborting", "aborted", "reverting", "reverted"])
        assert.deepEqual(verbsFor({ state, counts: { succeeded: 2, failed: 1 }, spec: { members: "continuous" } }, { role: "admin", name: "a" }), [], state);
    assert.deepEqual(verbsFor({ state: "running", counts: { failed: 1 }, spec: {} }, { role: "admin", name: "a" }), ["pause", "retry", "rollback", "abort"]);
});

test("a certificate is warned of when it ends within 30 days, of devices that count", () => {
    const day = 86400, now = 1e9, of = (days, state = "active") => certificateWarning({ certExpires: now + days * day, state }, now);
    assert.equal(of(31), undefined);
    assert.match(of(12), /12 d left/);
    assert.match(of(-1), /expired/);
    assert.equal(of(1, "revoked"), undefined);
    assert.equal(certificateWarning({ state: "active" }, now), undefined);
});

test("what is typed is a selector when it looks like one", () => {
    for (const text of ["board=x", "version!=1.0", "!site", "ring in (a b)", "ring not in (a)", "site,ring=x"])
        assert.ok(isSelector(text), text);
    for (const text of ["node-1", "sensor 2.1", "inside", ""])
        assert.ok(!isSelector(text), text);
    assert.deepEqual(queryOf(" online=true "), { selector: "online=true" });
    assert.deepEqual(queryOf(" node "), { q: "node" });
});

test("every path has a page", () => {
    assert.deepEqual(pageOf("/"), { page: "overview" });
    assert.deepEqual(pageOf("/ui/devices"), { page: "devices" });
    assert.deepEqual(pageOf("/ui/devices/a%20b"), { page: "device", id: "a b" });
    assert.deepEqual(pageOf("/ui/rollouts/new"), { page: "rollout-new" });
    for (const path of ["/ui", "/ui/images/x", "/ui/devices/a/b", "/ui/constructor", "/other", "/ui/devices/%"])
        assert.ok(["missing", "device"].includes(pageOf(path).page), path);
    assert.equal(pageOf("/ui/constructor").page, "missing");
});

test("shares never round to all or none", () => {
    assert.equal(format.percent(9999, 10000), "99.9 %");
    assert.equal(format.percent(10000, 10000), "100 %");
    assert.equal(format.percent(1, 10000), "0.1 %");
    assert.equal(format.percent(0, 10000), "0 %");
    assert.equal(format.percent(0, 0), "0 %");
    assert.equal(format.percent(1, 3), "33 %");
});

test("spans and sizes", () => {
    assert.equal(format.span(0), "0 s");
    assert.equal(format.span(59), "59 s");
    assert.equal(format.span(3700), "1 h 1 min");
    assert.equal(format.span(86400 * 3), "3 d");
    assert.equal(format.ago(0, 100), "never");
    assert.equal(format.ago(99, 100), "now");
    assert.equal(format.bytes(1023), "1023 B");
    assert.equal(format.bytes(200000), "195 KiB");
    assert.equal(format.bytes(5 << 20), "5.0 MiB");
});

test("a timeline is newest first, each once, whichever page or live event came first", () => {
    const rows = [{ time: 9, n: 8 }, { time: 9, n: 7 }, { time: 9, kind: "crash", crash: "c" }, { time: 9, kind: "job-ended", job: "j" }, { time: 8, kind: "job-created", job: "j" }, { time: 7, n: 3 }];
    for (let cut = 0; cut <= rows.length; cut++) {
        assert.deepEqual(add(add([], rows.slice(0, cut)), rows.slice(cut)), rows, `pages cut at ${cut}`);
        assert.deepEqual(add(rows, rows.slice(cut)), rows, "told again");
    }
    assert.deepEqual(add(rows, [{ time: 9, n: 9 }])[0], { time: 9, n: 9 });
    assert.deepEqual(add(add([], [rows[0]]), rows), rows, "a live event came before the page that has it");
});
