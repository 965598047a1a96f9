// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { count, plural, span } from "../lib/format.js";
import { useLive, useNow, useResource, useThrottled, useTitle } from "../lib/hooks.js";
import { VERBS, gateText, verbsFor } from "../lib/rollouts.js";
import { deviceHref } from "../lib/route.js";
import { rolloutTone, targetTone } from "../lib/tones.js";
import { toast, useConfirm } from "../parts/dialog.jsx";
import { Events } from "../parts/events.jsx";
import { Counts, ProgressBar } from "../parts/progress.jsx";
import { Badge, Button, Card, Digest, Empty, Facts, Failure, Link, PageHead, Pending, Time } from "../parts/ui.jsx";

const WAVE_TONE = { waiting: "idle", open: "info", passed: "good" };

/* `over`: the rollout ended, so no wave opens any more. */
function Wave({ wave, spec, index, over, onShow }) {
    const now = useNow(1);
    const opens = !over && wave.opensAt && wave.opensAt > now ? `opens in ${span(wave.opensAt - now)}` : "";
    const state = over && wave.state !== "passed" ? (wave.state === "open" ? "ended" : "not opened") : wave.state;
    return (
        <div class="wave">
            <header><strong>{index + 1}. {wave.name}</strong><Badge tone={WAVE_TONE[state] || "idle"}>{state}</Badge>{opens && <span class="muted">{opens}</span>}
                <span class="n">{plural(wave.size, "device")}{wave.inFlight > 0 && ` · ${count(wave.inFlight)} in flight`}</span></header>
            <ProgressBar counts={wave.counts} />
            <div class="line"><Counts counts={wave.counts} /><Button class="button small" onClick={onShow}>Devices</Button></div>
            {!over && wave.state !== "passed" && <p class="gate">{wave.satisfiedAt ? `Gate satisfied since ${span(Math.max(0, now - wave.satisfiedAt))}` : `Gate: ${gateText(spec, wave)}`}</p>}
        </div>
    );
}

const STATES = ["pending", "offered", "active", "held", "succeeded", "failed", "rejected", "timed-out", "skipped", "canceled", "reverting", "reverted", "stranded"];

function Target({ target, waves }) {
    const details = target.jobDetails || {};
    const what = target.error || [details.step, details.percent !== undefined && `${details.percent} %`, details.error, details.reason].filter(Boolean).join(" · ");
    return (
        <tr>
            <td class="first"><Link href={deviceHref(target.device)}>{target.device}</Link></td>
            <td class="nowrap"><Badge tone={targetTone(target.state)}>{target.state}</Badge></td>
            <td data-name="wave">{waves[target.wave]?.name ?? target.wave}</td>
            <td data-name="runs">{target.version || <span class="muted">–</span>}</td>
            <td class="wide">{what || (target.state === "pending" && !target.online ? "offline" : <span class="muted">–</span>)}</td>
            <td data-name="at"><Time at={target.endedAt || target.startedAt} /></td>
        </tr>
    );
}

function Targets({ rollout, wave, setWave }) {
    const [state, setState] = useState("");
    const [cursors, setCursors] = useState([""]);
    const filter = (set) => (event) => {
        setCursors([""]);
        set(event.currentTarget.value);
    };
    const resource = useResource(`/rollouts/${encodeURIComponent(rollout.id)}/targets`, {
        query: { wave, state, limit: 100, cursor: cursors.at(-1) },
    });
    const soon = useThrottled(resource.reload, 1500);
    useEffect(soon, [rollout.versionNumber]);
    const rows = resource.data?.targets;
    const actions = (
        <>
            <select class="auto" aria-label="Wave" value={wave} onChange={filter(setWave)}><option value="">All waves</option>{rollout.waves.map((one, i) => <option key={i} value={i}>{one.name}</option>)}</select>
            <select class="auto" aria-label="State" value={state} onChange={filter(setState)}><option value="">All states</option>{STATES.map((one) => <option key={one}>{one}</option>)}</select>
        </>
    );
    return (
        <Card title="Devices" flush actions={actions} id="targets">
            {!rows ? <Pending resource={resource} lacks="No devices" /> : !rows.length ? <Empty icon="devices" title={rollout.state === "draft" ? "Waves are filled when it starts" : "No device in this state"} /> :
                <>
                    <div class="table"><table class="cards">
                        <thead><tr><th>Device</th><th>State</th><th>Wave</th><th>Runs</th><th>What</th><th>Changed</th></tr></thead>
                        <tbody>{rows.map((target) => <Target key={target.device} target={target} waves={rollout.waves} />)}</tbody>
                    </table></div>
                    {(cursors.length > 1 || resource.data.next) && <div class="pager">
                        <Button disabled={cursors.length < 2} onClick={() => setCursors(cursors.slice(0, -1))}>Before</Button>
                        <span class="muted">page {cursors.length}</span>
                        <Button disabled={!resource.data.next} onClick={() => setCursors([...cursors, resource.data.next])}>After</Button></div>}
                </>}
        </Card>
    );
}

function stopText(stop) {
    return `${stop.percent} % and at least ${stop.min} ${stop.on === "any" ? "bad" : stop.on} of the ${stop.of} → ${stop.action}`;
}

function About({ rollout }) {
    const { spec = {}, approvals = [] } = rollout;
    return (
        <Card title="What it does">
            <Facts rows={[
                ["Image", <>{rollout.app} {rollout.version} <Digest value={rollout.digest} /></>], ["Devices", spec.selector || "all of the image's board"],
                ["Stops", (spec.stop || []).map(stopText).join("; ") || "never by itself"], ["Each device", spec.device && `${span(spec.device.timeoutS)}, ${plural(spec.device.retries, "retry", "retries")}`],
                ["Offline devices", spec.offline?.policy], ["Later devices", spec.members === "continuous" ? "join" : "stay out"], ["By", rollout.author], ["Made", <Time at={rollout.addedAt} />],
                ["Started", <Time at={rollout.startedAt} />], ["Ended", rollout.endedAt && <Time at={rollout.endedAt} />],
                spec.approvals > 0 && ["Approved", `${approvals.length} of ${spec.approvals}${approvals.length ? ": " + approvals.map((one) => one.actor).join(", ") : ""}`],
            ]} />
        </Card>
    );
}

function useRollout(id) {
    const resource = useResource("/rollouts/" + encodeURIComponent(id), { on: (kind, value) => kind === "event" && value.rollout === id, every: 10 });
    const [told, setTold] = useState(null);
    useLive((kind, value) => kind === "rollout" && value.id === id && setTold(value));
    const { data } = resource;
    const rollout = data && told && told.versionNumber >= data.versionNumber ? { ...data, ...told } : data;
    return [rollout, resource];
}

export function Rollout({ id, who }) {
    const [rollout, resource] = useRollout(id);
    const [dialog, ask] = useConfirm();
    const [wave, setWave] = useState("");
    useTitle(rollout ? rollout.name || id : "Rollout");
    if (!rollout)
        return <div class="page"><PageHead title="Rollout" /><Pending resource={resource} lacks="There is no such rollout" /></div>;
    const name = rollout.name || rollout.id;
    const act = (verb) => ask({
        title: `${VERBS[verb].label}: ${name}?`, text: VERBS[verb].ask, label: VERBS[verb].label, danger: VERBS[verb].danger,
        run: async () => {
            await post(`/rollouts/${encodeURIComponent(id)}/${verb}`);
            toast(`${name}: ${VERBS[verb].done}.`);
            resource.reload();
        },
    });
    const show = (index) => {
        setWave(String(index));
        document.getElementById("targets").scrollIntoView();
    };
    return (
        <div class="page">
            <PageHead title={name} sub={<Badge tone={rolloutTone(rollout.state)}>{rollout.state}</Badge>}>
                {verbsFor(rollout, who).map((verb) => <Button key={verb} kind={VERBS[verb].kind} icon={VERBS[verb].icon} onClick={() => act(verb)}>{VERBS[verb].label}</Button>)}
            </PageHead>
            <Failure error={resource.error} retry={resource.reload} />
            {rollout.reason && <p class={"note " + (rollout.state === "paused" ? "warn" : rollout.state === "complete" ? "" : "bad")} role="status"><strong>Why it is {rollout.state}:</strong> {rollout.reason}</p>}
            <div class="grid-main">
                <div class="stack">
                    <Card title="Progress" flush>
                        <div class="wave total"><ProgressBar counts={rollout.counts} /><Counts counts={rollout.counts} /></div>
                        {rollout.waves.map((one, i) => <Wave key={i} index={i} wave={one} over={Boolean(rollout.endedAt)} spec={rollout.spec?.waves?.[i]} onShow={() => show(i)} />)}
                    </Card>
                    <Targets rollout={rollout} wave={wave} setWave={setWave} />
                </div>
                <div class="stack"><About rollout={rollout} /><Card title="What happened" flush><Events query={{ rollout: id }} /></Card></div>
            </div>
            {dialog}
        </div>
    );
}
