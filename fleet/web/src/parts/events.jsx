// SPDX-License-Identifier: Apache-2.0
import { deviceHref, rolloutHref } from "../lib/route.js";
import { eventTone } from "../lib/tones.js";
import { useEvents } from "../lib/use_events.js";
import { Empty, Failure, Link, Loading, Time } from "./ui.jsx";

// The text, with what it is about as a link.
function Linked({ row, within }) {
    const [id, href] = row.device ? [row.device, deviceHref(row.device)] : [within ? "" : row.rollout, row.rollout && rolloutHref(row.rollout)];
    const at = id ? row.text.indexOf(id) : -1;
    if (at < 0)
        return id ? <>{row.text} <Link href={href}>{id}</Link></> : row.text;
    return <>{row.text.slice(0, at)}<Link href={href}>{id}</Link>{row.text.slice(at + id.length)}</>;
}

// Rows of events; `within` a rollout its own id is no link.
export function EventList({ rows, links = true, within }) {
    return (
        <ol class="events scroll" tabIndex={0} aria-label="Events, newest first">
            {rows.map((row) => (
                <li key={row.n ?? row.kind + (row.job || row.crash)}>
                    <Time at={row.time} /><span class={"mark " + eventTone(row)} />
                    <p>{links ? <Linked row={row} within={within} /> : row.text}<span class="kind">{row.kind}</span></p>
                </li>
            ))}
        </ol>
    );
}

// What happened, newest first; `query` as in useEvents().
export function Events({ query, shown = 100, links = true }) {
    const { events, error, loading } = useEvents(query);
    if (error)
        return <Failure error={error} />;
    if (loading && !events.length)
        return <Loading />;
    if (!events.length)
        return <Empty title="Nothing has happened yet">What devices report and operators do appears here.</Empty>;
    return <EventList rows={events.slice(0, shown)} links={links} within={query.rollout} />;
}
