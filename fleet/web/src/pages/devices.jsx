// SPDX-License-Identifier: Apache-2.0
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { certificateWarning, DeviceList } from "../lib/devices.js";
import { count, plural } from "../lib/format.js";
import { useLive, useLocation, useMedia, useNow, useThrottled, useTitle } from "../lib/hooks.js";
import { deviceHref, devicesHref, go } from "../lib/route.js";
import { Badge, Empty, Failure, Link, Loading, Online, PageHead } from "../parts/ui.jsx";
import { Icon } from "../parts/icons.jsx";
import { Rows } from "../parts/rows.jsx";
import { ago } from "../lib/format.js";
import { healthTone } from "../lib/tones.js";

const QUICK = [["All", ""], ["Online", "online=true"], ["Offline", "online=false"], ["Unwell", "health!=good,health"], ["Safe mode", "mode=safe"]];

function Attributes({ values }) {
    const entries = Object.entries(values || {});
    return entries.map(([name, value]) => <span class="chip" key={name}>{name}={value}</span>);
}

function Cells({ device, now }) {
    const warning = certificateWarning(device, now);
    return (
        <>
            <span role="cell" class="c-state"><Online device={device} now={now} /></span>
            <span role="cell" class="c-id"><Link href={deviceHref(device.id)}>{device.id}</Link></span>
            <span role="cell" class="c-version">{device.version || <span class="muted">–</span>}</span>
            <span role="cell" class="c-health">{device.state && device.state !== "active" ? <Badge tone="bad">{device.state}</Badge> :
                device.mode && device.mode !== "normal" ? <Badge tone={healthTone(device.mode)}>{device.mode}</Badge> :
                device.health ? <Badge tone={healthTone(device.health)}>{device.health}</Badge> : <span class="muted">–</span>}</span>
            <span role="cell" class="c-app">{device.app || device.report?.app || <span class="muted">–</span>}</span>
            <span role="cell" class="c-board">{device.board}</span>
            <span role="cell" class="c-slot">{device.slot ? device.slot.toUpperCase() : <span class="muted">–</span>}</span>
            <span role="cell" class="c-attrs">{warning && <Badge tone="warn">{warning}</Badge>}<Attributes values={device.attributes} /></span>
            <span role="cell" class="c-seen muted">{ago(device.lastSeen, now)}</span>
        </>
    );
}

const HEAD = [["state", "State"], ["id", "Device"], ["version", "Version"], ["health", "Health"], ["app", "App"], ["board", "Board"], ["slot", "Slot"],
    ["attrs", "Attributes"], ["seen", "Last heard"]];

function Head() {
    return <div role="row" aria-rowindex={1} class="head">{HEAD.map(([name, text]) => <span role="columnheader" key={name} class={"c-" + name}>{text}</span>)}</div>;
}

// The list for `text`, and a fresh look at what is seen when something happens.
function useDeviceList(text) {
    const [, draw] = useReducer((n) => n + 1, 0);
    const list = useRef(null), range = useRef([0, 1]);
    useEffect(() => {
        list.current = new DeviceList(text, () => draw());
        draw();
        return () => list.current.close();
    }, [text]);
    const refresh = useThrottled(() => list.current?.refresh(...range.current), 2000);
    useLive((kind, value) => kind === "event" && value.device && refresh());
    useEffect(() => {
        const timer = setInterval(() => document.hidden || refresh(), 30000);
        return () => clearInterval(timer);
    }, []);
    const onRange = (first, last) => {
        range.current = [first, last];
        list.current?.want(last);
    };
    return [list.current, onRange];
}

function Search({ value, onChange }) {
    const [text, setText] = useState(value);
    const timer = useRef(0);
    useEffect(() => setText(value), [value]);
    useEffect(() => () => clearTimeout(timer.current), []);
    const type = (next) => {
        setText(next);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onChange(next), 250);
    };
    const submit = (event) => {
        event.preventDefault();
        clearTimeout(timer.current);
        onChange(text);
    };
    return (
        <form role="search" class="search" onSubmit={submit}>
            <Icon name="search" />
            <input type="search" aria-label="Search devices" aria-describedby="search-hint" value={text} spellcheck={false} autoCapitalize="off"
                onInput={(event) => type(event.currentTarget.value)} />
        </form>
    );
}

export function Devices() {
    const { query } = useLocation();
    const text = query.get("q") || "";
    const narrow = useMedia("(max-width: 720px)");
    const now = useNow(10);
    const [list, onRange] = useDeviceList(text);
    const search = (next) => go(devicesHref(next), { replace: true });
    useTitle("Devices");

    const total = list?.total;
    return (
        <div class="page fill">
            <PageHead title="Devices" sub={total === undefined ? "…" : text ? `${plural(total, "device")} match` : plural(total, "device")} />
            <div class="filters">
                <Search value={text} onChange={search} />
                <div class="quick" role="group" aria-label="Quick filters">
                    {QUICK.map(([name, value]) => <button type="button" key={name} aria-pressed={text === value} onClick={() => search(value)}>{name}</button>)}
                </div>
                <p class="hint" id="search-hint">Part of a name, or a selector: <code>site=north,version!=1.0.0</code>, <code>ring in (canary early)</code>, <code>!site</code></p>
            </div>
            <Failure error={list?.error} retry={() => list.load()} />
            {total === undefined ? !list?.error && <Loading /> : total === 0 ? <NoDevices text={text} /> :
                <Rows label={`Devices, ${count(total)}`} key={text} total={total} rowHeight={narrow ? 58 : 38} onRange={onRange} head={<Head />}
                    row={(index, props) => {
                        const device = list.row(index);
                        return <div {...props}>{device ? <Cells device={device} now={now} /> : <span role="cell" class="coming" aria-label="loading" />}</div>;
                    }} />}
        </div>
    );
}

function NoDevices({ text }) {
    if (text)
        return <Empty icon="search" title="No device matches">Look at the spelling, or take a part of the filter away.</Empty>;
    return <Empty icon="devices" title="No devices yet">Add the first: <code>skerry device add dev-1 --board NAME</code></Empty>;
}
