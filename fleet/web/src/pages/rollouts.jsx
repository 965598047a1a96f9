// SPDX-License-Identifier: Apache-2.0
import { useResource, useTitle } from "../lib/hooks.js";
import { go, rolloutHref } from "../lib/route.js";
import { rolloutTone } from "../lib/tones.js";
import { Counts, ProgressBar } from "../parts/progress.jsx";
import { Badge, Button, Card, Empty, Failure, Link, PageHead, Pending, Time } from "../parts/ui.jsx";

function Row({ rollout }) {
    return (
        <tr>
            <td class="first"><Link href={rolloutHref(rollout.id)}><strong>{rollout.name || rollout.id}</strong></Link></td>
            <td class="nowrap"><Badge tone={rolloutTone(rollout.state)}>{rollout.state}</Badge></td>
            <td data-name="to">{rollout.app} {rollout.version}</td>
            <td class="wide bar-cell"><ProgressBar counts={rollout.counts} /><small><Counts counts={rollout.counts} /></small></td>
            <td data-name="by">{rollout.author}</td>
            <td data-name="since"><Time at={rollout.startedAt || rollout.addedAt} /></td>
        </tr>
    );
}

export function Rollouts({ who }) {
    useTitle("Rollouts");
    const resource = useResource("/rollouts", { query: { limit: 100 }, on: (kind) => kind === "rollout" });
    const list = resource.data?.rollouts;
    const may = who && who.role !== "viewer" && resource.error?.status !== 404;
    return (
        <div class="page">
            <PageHead title="Rollouts">{may && <Button kind="primary" icon="plus" onClick={() => go("/ui/rollouts/new")}>New rollout</Button>}</PageHead>
            {list && <Failure error={resource.error} retry={resource.reload} />}
            <Card title="All rollouts" flush>
                {!list ? <Pending resource={resource} lacks="No rollouts" /> : !list.length ?
                    <Empty icon="rollouts" title="No rollouts yet">A rollout brings one image to many devices, in waves, and stops itself when it goes wrong.</Empty> :
                    <div class="table"><table class="cards">
                        <thead><tr><th>Rollout</th><th>State</th><th>Image</th><th class="bar-cell">Progress</th><th>By</th><th>Since</th></tr></thead>
                        <tbody>{list.map((rollout) => <Row key={rollout.id} rollout={rollout} />)}</tbody>
                    </table></div>}
            </Card>
        </div>
    );
}
