// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { useResource } from "../lib/hooks.js";
import { Empty, Facts, Pending, Time } from "./ui.jsx";

function Record({ id, crash }) {
    const resource = useResource(`/devices/${encodeURIComponent(id)}/crashes/${encodeURIComponent(crash)}`, { every: 3600 });
    const record = resource.data?.record;
    if (!record)
        return <Pending resource={resource} />;
    return (
        <div class="stack">
            <Facts rows={[["Thread", record.thread], ["At", record.elr && <code>{record.elr}</code>], ["Syndrome", record.esr && <code>{record.esr}</code>], ["Address", record.far && <code>{record.far}</code>], ["Build", record.buildId && <code>{record.buildId.slice(0, 12)}</code>]]} />
            {record.pc?.length > 0 && <div><h3>Backtrace</h3><pre>{record.pc.join("\n")}</pre><p class="muted">Names of functions: <code>skerry crash show {id} {crash}</code></p></div>}
            {record.lines?.length > 0 && <div><h3>Last lines</h3><pre>{record.lines.join("\n")}</pre></div>}
        </div>
    );
}

function Crash({ id, crash }) {
    const [open, set] = useState(false);
    return (
        <details class="crash" onToggle={(event) => set(event.currentTarget.open)}>
            <summary><strong>{crash.cause}</strong> <span>{[crash.thread, crash.version].filter(Boolean).join(" · ")}</span> <span class="muted"><Time at={crash.time} /></span></summary>
            {open && <Record id={id} crash={crash.id} />}
        </details>
    );
}

export function Crashes({ id, tick }) {
    const resource = useResource(`/devices/${encodeURIComponent(id)}/crashes`);
    useEffect(() => {
        if (tick)
            resource.reload();
    }, [tick]);
    if (!resource.data)
        return <Pending resource={resource} />;
    const { crashes } = resource.data;
    return crashes.length ? <div>{crashes.map((one) => <Crash key={one.id} id={id} crash={one} />)}</div> : <Empty icon="check" title="No crash was reported" />;
}
