// SPDX-License-Identifier: Apache-2.0
// The form of a new rollout → its description (fleet/ROLLOUTS.md). What is left empty has the server's default.
export const emptyWave = () => ({ name: "", selector: "", kind: "rest", amount: "", order: "random", maxInFlight: "", perMinute: "", successPercent: "", minFinished: "", soakMinutes: "" });

export const emptyForm = () => ({
    name: "", image: "", selector: "",
    waves: [{ ...emptyWave(), name: "canary", kind: "count", amount: "5", successPercent: "100", soakMinutes: "10" },
        { ...emptyWave(), name: "tenth", kind: "percent", amount: "10" }, { ...emptyWave(), name: "rest" }],
    stopPercent: "10", stopMin: "2", stopAction: "pause", timeoutMinutes: "", retries: "", offline: "wait", offlineHours: "", members: "snapshot", approvals: "",
});

function whole(text, what, { min = 0, max = 1e9 } = {}) {
    if (text === "" || text === undefined)
        return undefined;
    const number = Number(text);
    if (!Number.isInteger(number) || number < min || number > max)
        throw new Error(`${what}: enter a whole number from ${min} to ${max}.`);
    return number;
}

// Without the members that are undefined, and without objects that are empty then.
function compact(object) {
    const entries = Object.entries(object).filter(([, value]) => value !== undefined && value !== "" &&
        !(typeof value === "object" && !Array.isArray(value) && !Object.keys(value).length));
    return Object.fromEntries(entries);
}

function wave(form, index) {
    const name = form.name.trim() || "wave " + (index + 1), of = `Wave “${name}”, `;
    const amount = form.kind === "rest" ? undefined : whole(form.amount, of + form.kind, { min: 1, max: form.kind === "percent" ? 100 : 1e6 });
    if (form.kind !== "rest" && amount === undefined)
        throw new Error(of + (form.kind === "percent" ? "share: enter a percentage." : "devices: enter how many."));
    const soak = whole(form.soakMinutes, of + "soak time", { max: 43200 });
    return compact({
        name, selector: form.selector.trim(), [form.kind]: amount, order: form.order === "random" ? undefined : form.order,
        maxInFlight: whole(form.maxInFlight, of + "in flight", { min: 1, max: 1e6 }),
        rate: compact({ perMinute: whole(form.perMinute, of + "starts per minute", { min: 1, max: 1e6 }) }),
        advance: compact({
            successPercent: whole(form.successPercent, of + "success", { max: 100 }), minFinished: whole(form.minFinished, of + "finished", { min: 1, max: 1e6 }),
            soakS: soak === undefined ? undefined : soak * 60,
        }),
    });
}

// Throws an Error whose text says what to mend.
export function describe(form) {
    if (!form.image)
        throw new Error("Choose an image.");
    const minutes = whole(form.timeoutMinutes, "Time limit", { min: 1, max: 43200 }), hours = whole(form.offlineHours, "Offline deadline", { min: 1, max: 8760 });
    const percent = whole(form.stopPercent, "Stop at", { max: 100 });
    return compact({
        name: form.name.trim(), image: form.image, selector: form.selector.trim(), waves: form.waves.map(wave),
        stop: percent === undefined ? [] : [{ on: "any", percent, min: whole(form.stopMin, "Stop, at least", { min: 1, max: 1e6 }) ?? 2, of: "rollout", action: form.stopAction }],
        device: compact({ timeoutS: minutes && minutes * 60, retries: whole(form.retries, "Retries", { max: 10 }) }),
        offline: form.offline === "deadline" ? { policy: "deadline", afterS: (hours ?? 24) * 3600 } : { policy: form.offline },
        members: form.members, approvals: whole(form.approvals, "Approvals", { max: 10 }),
    });
}
