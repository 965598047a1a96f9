// SPDX-License-Identifier: Apache-2.0
// uPlot, in the colours of the theme. The picture has a text beside it: what is drawn is also told.
import { useEffect, useRef, useState } from "preact/hooks";
import uPlot from "uplot";
import * as theme from "../lib/theme.js";

const LIGHT = ["#0b6871", "#c2700a", "#5a4fb0", "#b03a6f", "#3f7a2a", "#2a6bb5", "#8a5a2b", "#697783"];
const DARK = ["#55bcc3", "#e3a04a", "#a79df0", "#ee86b4", "#8fca72", "#78b1f5", "#cfa37a", "#9aa8b3"];

export const colour = (index) => (theme.isDark() ? DARK : LIGHT)[index % LIGHT.length];

export function useTheme() {
    const [dark, set] = useState(theme.isDark());
    useEffect(() => theme.watch(() => set(theme.isDark())), []);
    return dark;
}

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Each series on top of those before it: [sums, bands] for uPlot.
export function stack(values) {
    const sums = [];
    values.forEach((row, i) => sums.push(row.map((value, k) => (value ?? 0) + (i ? sums[i - 1][k] : 0))));
    return [sums, values.slice(1).map((_, i) => ({ series: [i + 2, i + 1] }))];
}

function axis(more) {
    return { stroke: css("--muted"), font: "11px system-ui, sans-serif", grid: { stroke: css("--line"), width: 1 }, ticks: { show: false }, gap: 6, ...more };
}

const CLOCK = [
    [86400, "{YYYY}-{MM}-{DD}", null, null, null, null, null, null, 1],
    [3600, "{HH}:{mm}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
    [60, "{HH}:{mm}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
    [1, "{HH}:{mm}:{ss}", "\n{MM}-{DD}", null, "\n{MM}-{DD}", null, null, null, 1],
];

// `series`: [{name, values, colour}]; `stacked`: as areas on each other.
export function Chart({ label, times, series, stacked, height = 220, zero = stacked }) {
    const box = useRef(null);
    const dark = useTheme();
    useEffect(() => {
        const [rows, bands] = stacked ? stack(series.map((one) => one.values)) : [series.map((one) => one.values), []];
        const element = box.current; // the reference is gone before the observer is
        const width = () => Math.max(200, element.clientWidth);
        const plot = new uPlot({
            width: width(), height, bands, cursor: { y: false, points: { size: 6 } }, legend: { show: false },
            scales: { x: { range: (_, from, to) => [Math.min(from ?? 0, (to ?? 1) - 30), to ?? 1] }, y: { range: (_, low, high) => range(zero ? Math.min(0, low ?? 0) : low, high) } },
            axes: [axis({ values: CLOCK, space: 70 }), axis({ size: 54, space: 36 })],
            series: [{}, ...series.map((one, i) => ({
                label: one.name, stroke: one.colour ?? colour(i), width: 1.5, fill: stacked ? (one.colour ?? colour(i)) + "66" : undefined, points: { show: times.length < 3 },
            }))],
        }, [times, ...rows], element);
        const observer = new ResizeObserver(() => plot.setSize({ width: width(), height }));
        observer.observe(element);
        return () => {
            observer.disconnect();
            plot.destroy();
        };
    }, [times, series, stacked, height, dark]);
    return <div class="chart" role="img" aria-label={label} ref={box} />;
}

function range(low, high) {
    if (low === null || low === undefined || high === null || high === undefined)
        return [0, 1];
    const room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
    return [low === 0 ? 0 : low - room, high + room];
}
