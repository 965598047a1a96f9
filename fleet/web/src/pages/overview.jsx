// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { count, percent, plural } from "../lib/format.js";
import { useLive, useResource, useTitle } from "../lib/hooks.js";
import { isOpen, progress } from "../lib/rollouts.js";
import { devicesHref, rolloutHref } from "../lib/route.js";
import { healthTone, rolloutTone } from "../lib/tones.js";
import { Chart, colour, useTheme } from "../parts/chart.jsx";
import { Events } from "../parts/events.jsx";
import { ProgressBar } from "../parts/progress.jsx";
import { Badge, Card, Empty, Failure, Link, PageHead, Pending } from "../parts/ui.jsx";

const SPANS = [["1 h", 3600], ["24 h", 86400], ["7 d", 604800]];
const SHOWN_VERSIONS = 7;

// The versions that most devices run at the end, the others summed.
function versionSeries(history) {
    const sums = new Map();
    for (const row of history)
        for (const [version, n] of Object.entries(row.versions || {}))
            sums.set(version, n);
    const names = [...sums].sort((a, b) => b[1] - a[1]).map(([name]) => name);
    const shown = names.slice(0, SHOWN_VERSIONS), others = names.slice(SHOWN_VERSIONS);
    const series = shown.map((name) => ({ name, values: history.map((row) => row.versions?.[name] ?? 0) }));
    if (others.length)
        series.push({ name: "others", values: history.map((row) => others.reduce((sum, name) => sum + (row.versions?.[name] ?? 0), 0)) });
    return series;
}

function Versions() {
    const [span, setSpan] = useState(86400);
    const [from, setFrom] = useState(() => Math.floor(Date.now() / 1000) - span);
    const history = useResource("/history", { query: { from, points: 300 }, every: 60 });
    const dark = useTheme();
    const [memo, setMemo] = useState({});
    const rows = history.data?.history;
    if (rows && memo.rows !== rows) {
        const series = versionSeries(rows);
        setMemo({ rows, times: rows.map((row) => row.time), series, online: [{ name: "online", values: rows.map((row) => row.online) }, { name: "devices", values: rows.map((row) => row.devices) }] });
    }
    const choose = (seconds) => {
        setSpan(seconds);
        setFrom(Math.floor(Date.now() / 1000) - seconds);
    };
    const actions = <div class="quick" role="group" aria-label="Time span">{SPANS.map(([name, seconds]) =>
        <button type="button" key={name} aria-pressed={span === seconds} onClick={() => choose(seconds)}>{name}</button>)}</div>;
    const last = rows?.at(-1);
    return (
        <Card title="Versions over time" actions={actions}>
            {!memo.rows || !rows ? <Pending resource={history} lacks="No history" /> : rows.length < 2 ?
                <Empty icon="overview" title="The history begins now">skerryd notes once a minute which versions run.</Empty> :
                <div class="stack">
                    <Chart stacked height={230} times={memo.times} series={memo.series}
                        label={`Devices by version over time. Now: ${memo.series.map((one) => `${one.name}: ${one.values.at(-1)}`).join(", ")}`} />
                    <ul class="legend">{memo.series.map((one, i) => <li key={one.name}><span class="swatch" style={{ background: colour(i, dark) }} />{one.name} <span class="muted num">{count(one.values.at(-1))}</span></li>)}</ul>
                    <h3>Online</h3>
                    <Chart height={120} zero times={memo.times} series={memo.online} label={`Devices online over time. Now: ${last.online} of ${last.devices}`} />
                </div>}
        </Card>
    );
}

function Shares({ values, total, href, tone }) {
    const entries = Object.entries(values || {}).sort((a, b) => b[1] - a[1]);
    const dark = useTheme();
    if (!entries.length)
        return <Empty title="Nothing reported yet" />;
    return (
        <ul class="shares">
            {entries.slice(0, 10).map(([name, n], i) => (
                <li key={name}>
                    <span class={"swatch " + (tone ? tone(name) : "")} style={tone ? undefined : { background: colour(i, dark) }} />
                    <Link href={href(name)}>{name}</Link><span class="n">{count(n)} · {percent(n, total)}</span>
                </li>
            ))}
        </ul>
    );
}

// As told live; before that, what the newest row of the history says, else what the list of devices says.
function useFleet() {
    const [told, setTold] = useState(null);
    useLive((kind, value) => kind === "fleet" && setTold(value));
    const history = useResource(told ? null : "/history", { query: { points: 1, from: Math.floor(Date.now() / 60000) * 60 - 300 } });
    return told || history.data?.history?.at(-1);
}

function Tiles({ fleet, status, rollouts }) {
    const offline = fleet ? fleet.devices - fleet.online : 0;
    const unwell = Object.entries(fleet?.health || {}).filter(([name]) => !["good", "trial", "unknown", ""].includes(name)).reduce((sum, [, n]) => sum + n, 0);
    const open = rollouts?.filter(isOpen) || [];
    return (
        <div class="tiles">
            <Tile href={devicesHref("")} name="Devices" value={count(fleet?.devices ?? status?.devices)} more={fleet ? plural(Object.keys(fleet.versions || {}).length, "version") : ""} />
            <Tile href={devicesHref("online=true")} name="Online" value={fleet ? count(fleet.online) : "–"} more={fleet ? percent(fleet.online, fleet.devices) : ""} />
            <Tile href={devicesHref("online=false")} name="Offline" value={fleet ? count(offline) : "–"} more={fleet ? percent(offline, fleet.devices) : ""} />
            <Tile href={devicesHref("health!=good,health")} name="Unwell" tone={unwell ? "bad" : ""} value={fleet ? count(unwell) : "–"} more={unwell ? "not running normally" : "all well"} />
            <Tile href="/ui/rollouts" name="Open rollouts" tone={open.some((one) => one.state === "paused") ? "warn" : ""} value={count(open.length)}
                more={open.some((one) => one.state === "paused") ? "one is paused" : ""} />
            <Tile href="/ui/devices" name="Jobs in progress" value={count(status?.jobs)} />
        </div>
    );
}

function Tile({ href, name, value, more, tone = "" }) {
    return <Link class="tile" href={href}><span class="name">{name}</span><span class={"value " + tone}>{value}</span><span class="more">{more || "\u00a0"}</span></Link>;
}

function OpenRollouts({ rollouts }) {
    const { data, error } = rollouts;
    const open = data?.rollouts.filter(isOpen) || [];
    if (!data)
        return <Pending resource={rollouts} lacks="No rollouts" />;
    if (!open.length)
        return <Empty icon="rollouts" title="No rollout is open"><Link href="/ui/rollouts">All rollouts</Link></Empty>;
    return (
        <ul class="open-rollouts">
            <Failure error={error} />
            {open.map((one) => (
                <li key={one.id}><div class="line"><Link href={rolloutHref(one.id)}>{one.name || one.id}</Link><Badge tone={rolloutTone(one.state)}>{one.state}</Badge></div>
                    <ProgressBar counts={one.counts} /><p class="muted">{progressLine(one)}</p></li>
            ))}
        </ul>
    );
}

function progressLine(rollout) {
    const { size, done } = progress(rollout.counts);
    return `${count(done)} of ${count(size)} done` + (rollout.reason ? ` · ${rollout.reason}` : "");
}

export function Overview() {
    useTitle("Overview");
    const status = useResource("/status", { on: (kind, row) => kind === "event" && /server|broker|job/.test(row.kind) });
    const rollouts = useResource("/rollouts", { query: { limit: 50 }, on: (kind) => kind === "rollout" });
    const fleet = useFleet();
    const { data, error } = status;
    return (
        <div class="page">
            <PageHead title="Fleet" sub={data && `skerryd ${data.version}`} />
            <Failure error={error} retry={status.reload} />
            {data?.broker === "disconnected" && <p class="note bad" role="alert">skerryd has no connection to the broker: no device is reached. Start the broker; skerryd connects by itself.</p>}
            {data && !data.canAssign && <p class="note warn">No fleet key is at hand: no job is handed out. Put <code>fleet-N.key</code> of the newest keyset into <code>server/</code>, then <code>skerry keys push</code>.</p>}
            <Tiles fleet={fleet} status={data} rollouts={rollouts.data?.rollouts} />
            <div class="grid-main">
                <div class="stack"><Versions /><Card title="What happened" flush><Events query={{}} shown={60} /></Card></div>
                <div class="stack">
                    <Card title="Open rollouts"><OpenRollouts rollouts={rollouts} /></Card>
                    <Card title="Versions"><Shares values={fleet?.versions} total={fleet?.devices} href={(name) => devicesHref("version=" + name)} /></Card>
                    <Card title="Health"><Shares values={fleet?.health} total={fleet?.devices} tone={healthTone} href={(name) => devicesHref(name && name !== "unknown" ? "health=" + name : "!health")} /></Card>
                </div>
            </div>
        </div>
    );
}
