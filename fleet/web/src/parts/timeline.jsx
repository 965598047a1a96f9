// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { get } from "../lib/api.js";
import { useLive } from "../lib/hooks.js";
import { add } from "../lib/timeline.js";
import { EventList } from "./events.jsx";
import { Button, Empty, Failure, Loading } from "./ui.jsx";

// What happened to a device, newest first: older pages when they are asked for, what happens now as it happens.
export function Timeline({ id }) {
    const [state, set] = useState({ rows: [], loading: true });
    const path = `/devices/${encodeURIComponent(id)}/timeline`;
    const load = async (cursor, signal) => {
        try {
            const page = await get(path, { limit: 50, cursor }, signal);
            set((old) => ({ rows: add(old.rows, page.timeline), next: page.next, loading: false }));
        } catch (error) {
            if (error.name !== "AbortError")
                set((old) => ({ ...old, error, loading: false }));
        }
    };
    useEffect(() => {
        const ending = new AbortController();
        set({ rows: [], loading: true });
        load(undefined, ending.signal);
        return () => ending.abort();
    }, [id]);
    useLive((kind, row) => kind === "event" && row.device === id && set((old) => ({ ...old, rows: add(old.rows, [row]) })));
    const { rows, next, error, loading } = state;
    if (error)
        return <Failure error={error} retry={() => load(next)} />;
    if (loading && !rows.length)
        return <Loading />;
    if (!rows.length)
        return <Empty title="Nothing has happened yet">What the device reports and operators do appears here.</Empty>;
    return (
        <>
            <EventList rows={rows} links={false} />
            {next && <div class="pager"><Button onClick={() => load(next)}>Older</Button></div>}
        </>
    );
}
