// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { certificateWarning } from "../lib/devices.js";
import { bytes, span } from "../lib/format.js";
import { useLive, useNow, useResource, useTitle } from "../lib/hooks.js";
import { rolloutHref } from "../lib/route.js";
import { healthTone, jobTone } from "../lib/tones.js";
import { toast, useConfirm } from "../parts/dialog.jsx";
import { Crashes } from "../parts/crashes.jsx";
import { Log } from "../parts/log.jsx";
import { Telemetry } from "../parts/telemetry.jsx";
import { Timeline } from "../parts/timeline.jsx";
import { Badge, Button, Card, Digest, Empty, Facts, Failure, Link, Online, PageHead, Pending, Time } from "../parts/ui.jsx";

const OPEN = ["QUEUED", "IN_PROGRESS"];

function Slot({ name, slot, runs }) {
    return (
        <div class={"slot " + (runs ? "runs" : "")}>
            <header><strong>Slot {name.toUpperCase()}</strong>{runs && <Badge tone="info">running</Badge>}</header>
            <p>{slot ? [slot.state, slot.version].filter(Boolean).join(" · ") : "not reported"}</p>
            {slot?.digest && <Digest value={slot.digest} />}
        </div>
    );
}

function State({ device }) {
    const { report = {} } = device;
    const now = useNow(5);
    return (
        <Card title="State">
            <div class="stack">
                <Facts rows={[
                    ["Version", device.version && <strong>{device.version}</strong>], ["Image", <Digest value={device.digest} />], ["App", device.app || report.app], ["Board", device.board], ["Serial number", device.serial], ["MAC address", device.mac],
                    ["Mode", device.mode && <Badge tone={healthTone(device.mode === "normal" ? "good" : device.mode)}>{device.mode}</Badge>],
                    ["Last heard", <Time at={device.lastSeen} relative />],
                    ["Keyset", device.keyset && `version ${device.keyset}`], ["Security counter", report.counter !== undefined && report.minCounter !== undefined ? `${report.counter}, at least ${report.minCounter}` : String(report.counter)],
                    ["Starts", report.boots], ["Last start", report.cause], ["Up", report.uptimeMs !== undefined && device.online ? span(report.uptimeMs / 1000) + " at its report" : undefined],
                    ["Memory, at most", report.heapPeak && `${bytes(report.heapPeak)} of ${bytes(report.heapBytes)}`],
                    ["Heard of us", device.heardS != null && `${span(device.heardS)} before its report`], ["Certificate until", device.certExpires && <Time at={device.certExpires} />],
                    ["Added", device.addedAt && <Time at={device.addedAt} />], device.tenant && ["Tenant", device.tenant], device.malformed && ["Dropped messages", device.malformed],
                ]} />
                <div class="slots">{["a", "b"].map((name) => <Slot key={name} name={name} slot={report.slots?.[name]} runs={device.slot === name} />)}</div>
                {Object.keys(device.attributes || {}).length > 0 && <div class="chips">{Object.entries(device.attributes).map(([name, value]) => <span class="chip" key={name}>{name}={value}</span>)}</div>}
                {!device.online && device.lastSeen > 0 && now - device.lastSeen > 86400 && <p class="muted">Offline for {span(now - device.lastSeen)}: look at its power and network.</p>}
            </div>
        </Card>
    );
}

function Warnings({ device }) {
    const warning = certificateWarning(device, useNow(60));
    return (
        <>
            {device.state && device.state !== "active" && <p class="note bad">This device is {device.state}.</p>}
            {device.mismatch && <p class="note bad" role="alert">It reports the image <Digest value={device.mismatch.reported} /> but its last update installed <Digest value={device.mismatch.expected} />: it went back. See what happened below.</p>}
            {device.keysetError && <p class="note bad">It refused the last keyset: <code>{device.keysetError}</code></p>}
            {warning && <p class="note warn">Its {warning}; the end is <Time at={device.certExpires} />. A device that is online renews it by itself in the last third of its time.</p>}
            {device.lastError && <p class="note warn">Last error: <code>{device.lastError}</code></p>}
        </>
    );
}

function Job({ job }) {
    const { statusDetails: details = {} } = job;
    const step = [details.step, details.percent !== undefined && job.status === "IN_PROGRESS" && `${details.percent} %`, details.error, details.reason, details.cause].filter(Boolean).join(" · ");
    return (
        <tr>
            <td class="first nowrap"><Badge tone={jobTone(job.status)}>{job.status.toLowerCase().replace("_", " ")}</Badge></td>
            <td data-name="to">{job.version || <Digest value={job.digest} />}</td>
            <td data-name="step">{step || <span class="muted">–</span>}</td>
            <td data-name="at"><Time at={job.lastUpdatedAt} /></td>
            <td data-name="rollout">{job.rollout ? <Link href={rolloutHref(job.rollout)}>{job.rollout.slice(0, 8)}</Link> : <span class="muted">–</span>}</td>
        </tr>
    );
}

function Jobs({ jobs }) {
    if (!jobs.data)
        return <Pending resource={jobs} />;
    if (!jobs.data.jobs.length)
        return <Empty title="No updates yet">Choose an image above, or run <code>skerry update</code>.</Empty>;
    return (
        <div class="table"><table class="cards">
            <thead><tr><th>Status</th><th>To</th><th>Step</th><th>Changed</th><th>Rollout</th></tr></thead>
            <tbody>{jobs.data.jobs.slice(0, 20).map((job) => <Job key={job.jobId} job={job} />)}</tbody>
        </table></div>
    );
}

// Which images fit, newest first.
function fitting(images, device) {
    return (images || []).filter((image) => image.version && (!image.board || image.board === device.board)).sort((a, b) => b.addedAt - a.addedAt);
}

function Update({ device, open, ask, reload }) {
    const images = useResource("/images");
    const [digest, setDigest] = useState("");
    const choices = fitting(images.data?.images, device);
    const image = choices.find((one) => one.digest === digest);
    const start = () => ask({
        title: `Update ${device.id} to ${image.version}?`, label: "Update",
        text: `It runs ${device.version || "an unknown version"}. The new image is fetched, tried, and kept only when it proves itself; else the device goes back.`,
        run: async () => {
            await post("/jobs", { device: device.id, digest });
            toast(`The update of ${device.id} to ${image.version} is queued.`);
            reload();
        },
    });
    const cancel = () => ask({
        title: "Cancel this update?", text: "A device that has armed the new image already goes on with its trial.", label: "Cancel the update", danger: true,
        run: async () => {
            await post(`/jobs/${open.jobId}/cancel`);
            toast("The update is canceled.");
            reload();
        },
    });
    if (open)
        return <div class="actions"><span>{open.status === "QUEUED" ? "Update waits for the device" : "Update in progress"}</span><Button kind="danger" icon="stop" onClick={cancel}>Cancel</Button></div>;
    return (
        <div class="actions">
            <select aria-label="Image to update to" value={digest} onChange={(event) => setDigest(event.currentTarget.value)} class="auto">
                <option value="">Update to…</option>
                {choices.map((one) => <option key={one.digest} value={one.digest} disabled={one.digest === device.digest}>{one.app} {one.version}{one.digest === device.digest ? " (runs)" : ""} · {one.digest.slice(0, 8)}</option>)}
            </select>
            <Button kind="primary" disabled={!image || image.digest === device.digest} onClick={start}>Update</Button>
        </div>
    );
}

function Commands({ device, ask }) {
    const send = async (cmd) => {
        const answer = await post(`/devices/${encodeURIComponent(device.id)}/cmd`, { cmd });
        if (!answer.ok)
            throw new Error(`${device.id} answered: ${answer.error || "it cannot"}`);
        toast(cmd === "reboot" ? `${device.id} restarts.` : `${device.id} shows itself.`);
    };
    const identify = () => send("identify").catch((error) => toast(error.message, "bad"));
    const reboot = () => ask({ title: `Restart ${device.id}?`, text: "It is away for some seconds; an update in progress goes on afterwards.", label: "Restart", run: () => send("reboot") });
    return <><Button disabled={!device.online} onClick={identify}>Identify</Button><Button disabled={!device.online} onClick={reboot}>Restart</Button></>;
}

export function Device({ id, who }) {
    useTitle(id);
    const mine = (kind, value) => kind === "event" && value.device === id;
    const path = "/devices/" + encodeURIComponent(id);
    const resource = useResource(path, { on: mine, throttleMs: 500 });
    const jobs = useResource("/jobs", { query: { device: id }, on: mine, throttleMs: 500 });
    const [dialog, ask] = useConfirm();
    const [tick, setTick] = useState(0);
    useLive((kind, value) => mine(kind, value) && /crash/.test(value.kind) && setTick((n) => n + 1));
    const device = resource.data, now = useNow(5);
    const reload = () => {
        resource.reload();
        jobs.reload();
    };
    if (!device)
        return <div class="page"><PageHead title={id} />{resource.error?.status === 404 ? <Empty icon="devices" title="There is no such device"><Link href="/ui/devices">All devices</Link></Empty> : <Pending resource={resource} />}</div>;
    const open = jobs.data?.jobs.find((job) => OPEN.includes(job.status));
    const may = who && who.role !== "viewer";
    return (
        <div class="page">
            <PageHead title={id} sub={<Online device={device} now={now} />}>
                {may && <><Update device={device} open={open} ask={ask} reload={reload} /><Commands device={device} ask={ask} /></>}
            </PageHead>
            <Failure error={resource.error} retry={resource.reload} />
            <Warnings device={device} />
            <div class="grid2">
                <div class="stack">
                    <State device={device} />
                    <Card title="Updates" flush><Jobs jobs={jobs} /></Card>
                    <Card title="Crashes" flush><Crashes id={id} tick={tick} /></Card>
                </div>
                <div class="stack">
                    <Log id={id} />
                    <Telemetry id={id} />
                    <Card title="Timeline" flush><Timeline id={id} /></Card>
                </div>
            </div>
            {dialog}
        </div>
    );
}
