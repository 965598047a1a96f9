// SPDX-License-Identifier: Apache-2.0
// What a rollout's state allows, and what its numbers say (fleet/ROLLOUTS.md).
const OPERATOR = ["operator", "admin"];

// Every verb: in which states it makes sense, and what it says before it is done.
export const VERBS = {
    start: { label: "Start", icon: "play", kind: "primary", in: ["draft"], ask: "The first wave opens at once.", done: "started" },
    approve: { label: "Approve", icon: "check", in: ["draft"], ask: "You say that this image may go to these devices.", done: "approved" },
    pause: { label: "Pause", icon: "pause", in: ["running"], ask: "No further device starts. Devices that have begun go on.", done: "paused" },
    resume: { label: "Resume", icon: "play", kind: "primary", in: ["paused"], ask: "Devices start again. The failures so far no longer count towards the stop criteria.", done: "resumed" },
    retry: { label: "Retry failed", icon: "retry", in: ["running", "paused"], ask: "Failed and timed-out devices get a new try.", done: "failed devices get a new try" },
    close: { label: "Close", icon: "check", in: ["running", "paused"], ask: "No later device joins; the rollout completes when all in it are done.", done: "closed" },
    rollback: { label: "Roll back", icon: "back", kind: "danger", in: ["running", "paused"], danger: true,
        ask: "Everything in flight is withdrawn, and each device that succeeded goes back to the image it ran before. This cannot be undone.", done: "rolling back" },
    abort: { label: "Abort", icon: "stop", kind: "danger", in: ["running", "paused"], danger: true,
        ask: "Nothing more is started and what was offered is withdrawn. Devices that succeeded keep the image. This cannot be undone.", done: "aborting" },
};

// The verbs for this rollout and who looks at it.
export function verbsFor(rollout, who) {
    if (!who || !OPERATOR.includes(who.role))
        return [];
    const needed = rollout.spec?.approvals || 0, approvals = rollout.approvals || [];
    const bad = ["failed", "timed-out"].some((state) => rollout.counts?.[state]);
    return Object.keys(VERBS).filter((verb) => {
        if (!VERBS[verb].in.includes(rollout.state))
            return false;
        if (verb === "approve")
            return approvals.length < needed && rollout.author !== who.name && !approvals.some((one) => one.actor === who.name);
        if (verb === "start")
            return approvals.length >= needed;
        if (verb === "retry")
            return bad;
        return verb !== "close" || rollout.spec?.members === "continuous";
    });
}

export const OPEN_STATES = ["running", "paused", "aborting", "reverting"];
export const isOpen = (rollout) => OPEN_STATES.includes(rollout.state);

const SEGMENTS = [
    ["good", "succeeded", ["succeeded"]],
    ["bad", "failed", ["failed", "rejected", "timed-out", "stranded"]],
    ["warn", "going back", ["reverting", "reverted"]],
    ["info", "in flight", ["offered", "active", "held"]],
    ["idle", "skipped or canceled", ["skipped", "canceled"]],
];

// Of {state: n}: {size, done, parts: [{tone, text, n}]}; what is pending is the rest.
export function progress(counts = {}) {
    const size = Object.values(counts).reduce((sum, n) => sum + n, 0);
    const parts = SEGMENTS.map(([tone, text, states]) => ({ tone, text, n: states.reduce((sum, state) => sum + (counts[state] || 0), 0) })).filter((part) => part.n);
    const open = ["pending", "offered", "active", "held", "reverting"].reduce((sum, state) => sum + (counts[state] || 0), 0);
    return { size, done: size - open, parts };
}

// A wave's gate, in words.
export function gateText(spec, wave) {
    const { successPercent = 95, minFinished, soakS = 0 } = spec?.advance || {};
    const soak = soakS ? `, held for ${soakS >= 60 ? Math.round(soakS / 60) + " min" : soakS + " s"}` : "";
    const finished = minFinished ? `${minFinished} finished` : "all finished";
    return wave.state === "passed" ? "gate passed" : `next wave when ${finished} and ${successPercent} % of them succeeded${soak}`;
}
