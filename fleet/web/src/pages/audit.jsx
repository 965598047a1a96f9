// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "preact/hooks";
import { get } from "../lib/api.js";
import { useTitle } from "../lib/hooks.js";
import { Button, Card, Empty, Failure, Loading, PageHead, Time } from "../parts/ui.jsx";

const FULL = 500, TURNS_MAX = 40, SHOWN = 100;

// The server gives the oldest first.
async function readAll(signal) {
    let rows = [], since = 0;
    for (let turn = 0; turn < TURNS_MAX; turn++) {
        const { audit } = await get("/audit", { since }, signal);
        rows = rows.concat(audit);
        if (audit.length < FULL)
            break;
        since = audit.at(-1).n;
    }
    return rows.reverse();
}

const details = (value) => (value ? Object.entries(value).map(([name, one]) => `${name}: ${typeof one === "object" ? JSON.stringify(one) : one}`).join(", ") : "");

export function Audit() {
    useTitle("Audit");
    const [state, set] = useState({});
    const [shown, setShown] = useState(SHOWN);
    const [text, setText] = useState("");
    const load = () => {
        const ending = new AbortController();
        readAll(ending.signal).then((rows) => set({ rows }), (error) => error.name === "AbortError" || set({ error }));
        return () => ending.abort();
    };
    useEffect(load, []);
    const word = text.trim().toLowerCase();
    const rows = state.rows?.filter((row) => !word || [row.actor, row.action, row.object, details(row.details)].join(" ").toLowerCase().includes(word));
    return (
        <div class="page">
            <PageHead title="Audit" sub="What operators did. Each row is chained to the one before: none can be changed or taken out unseen." />
            {state.error?.status === 404 ? <Card><Empty icon="audit" title="No audit log">This skerryd does not offer it.</Empty></Card> : state.error ? <Failure error={state.error} retry={load} /> : !rows ? <Loading /> :
                <>
                    <div class="filters"><div class="search"><input type="search" aria-label="Search the audit log" value={text} onInput={(event) => setText(event.currentTarget.value)} /></div></div>
                    <Card title="Newest first" flush>
                        {!rows.length ? <Empty icon="audit" title={word ? "Nothing matches" : "Nothing has been done yet"} /> :
                            <div class="table"><table class="cards">
                                <thead><tr><th>When</th><th>Who</th><th>Did</th><th>To</th><th>Details</th></tr></thead>
                                <tbody>{rows.slice(0, shown).map((row) => (
                                    <tr key={row.n}><td class="nowrap"><Time at={row.time} /></td><td>{row.actor}{row.tenant && <span class="muted"> · {row.tenant}</span>}</td><td class="first"><strong>{row.action}</strong></td>
                                        <td>{row.object}</td><td class="wide muted">{details(row.details)}</td></tr>
                                ))}</tbody>
                            </table></div>}
                    </Card>
                    {rows.length > shown && <div><Button onClick={() => setShown(shown + SHOWN)}>Show more</Button></div>}
                </>}
        </div>
    );
}
