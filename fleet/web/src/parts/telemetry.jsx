// SPDX-License-Identifier: Apache-2.0
import { useMemo } from "preact/hooks";
import { measure } from "../lib/format.js";
import { useResource } from "../lib/hooks.js";
import { Chart } from "./chart.jsx";
import { Card, Empty, Pending, Time } from "./ui.jsx";

const PLOTS_MAX = 8;

// [{name, times, values}] of what are numbers: a value, or the members of an object.
export function series(rows) {
    const found = new Map();
    const put = (name, time, value) => {
        if (typeof value !== "number")
            return;
        if (!found.has(name))
            found.set(name, { name, times: [], values: [] });
        const one = found.get(name);
        one.times.push(time);
        one.values.push(value);
    };
    for (const { name, time, value } of rows) {
        put(name, time, value);
        if (value && typeof value === "object")
            for (const [member, inner] of Object.entries(value))
                put(`${name}.${member}`, time, inner);
    }
    return [...found.values()];
}

function Plot({ one }) {
    const last = measure(one.values.at(-1));
    const drawn = useMemo(() => [{ name: one.name, values: one.values }], [one]);
    return <figure><figcaption>{one.name} <strong class="num">{last}</strong> <span class="muted"><Time at={one.times.at(-1)} relative /></span></figcaption>
        <Chart height={120} times={one.times} series={drawn} label={`${one.name} over time; now ${last}`} /></figure>;
}

export function Telemetry({ id }) {
    const resource = useResource(`/devices/${encodeURIComponent(id)}/telemetry`, { query: { limit: 2000 }, every: 5 });
    const rows = resource.data?.telemetry;
    const plots = useMemo(() => series(rows || []), [rows]);
    return (
        <Card title="Telemetry">
            {!rows ? <Pending resource={resource} lacks="No telemetry" /> : !plots.length ?
                <Empty icon="overview" title="No values yet">What the app publishes as telemetry is drawn here.</Empty> :
                <div class="plots">{plots.slice(0, PLOTS_MAX).map((one) => <Plot key={one.name} one={one} />)}</div>}
        </Card>
    );
}
