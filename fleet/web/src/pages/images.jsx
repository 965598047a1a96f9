// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { request } from "../lib/api.js";
import { bytes, plural } from "../lib/format.js";
import { useResource, useTitle } from "../lib/hooks.js";
import { devicesHref } from "../lib/route.js";
import { toast, useConfirm } from "../parts/dialog.jsx";
import { Badge, Button, Card, Digest, Empty, Failure, Link, PageHead, Pending, Time } from "../parts/ui.jsx";

function Row({ image, channels, may, ask, reload }) {
    const mine = channels.filter((one) => one.digest === image.digest);
    const remove = () => ask({
        title: `Remove ${image.app || "image"} ${image.version || image.digest.slice(0, 12)}?`, danger: true, label: "Remove",
        text: "Its payload and manifest are removed from the server. Devices that run it keep it.",
        run: async () => {
            await request("/images/" + image.digest, { method: "DELETE" });
            toast("The image is removed.");
            reload();
        },
    });
    return (
        <tr>
            <td class="first"><strong>{image.app || "–"} {image.version || <Badge tone="warn">no manifest</Badge>}</strong> {mine.map((one) => <Badge key={one.name} tone="good">{one.name}</Badge>)}</td>
            <td data-name="board">{image.board || <span class="muted">–</span>}</td>
            <td data-name="counter" class="num">{image.counter ?? "–"}</td>
            <td data-name="size" class="num">{image.bytes ? bytes(image.bytes) : <Badge tone="warn">no payload</Badge>}</td>
            <td data-name="digest"><Digest value={image.digest} /></td>
            <td data-name="added"><Time at={image.addedAt} /></td>
            <td class="wide actions"><Link href={devicesHref("digest=" + image.digest)}>Devices</Link>{may && <Button class="button small" onClick={remove} aria-label={`Remove ${image.app} ${image.version}`}>Remove</Button>}</td>
        </tr>
    );
}

function Channels({ channels, images, may, ask, reload }) {
    const [form, set] = useState({ name: "stable", digest: "" });
    const image = images.find((one) => one.digest === form.digest);
    const assign = (event) => {
        event.preventDefault();
        ask({
            title: `Point ${form.name} at ${image.app} ${image.version}?`, label: "Set", text: `The channel of ${image.app} on ${image.board}. No device is updated by this alone.`,
            run: async () => {
                await request(["/channels", image.app, image.board, form.name].map((part, i) => (i ? encodeURIComponent(part) : part)).join("/"), { method: "PUT", body: { digest: image.digest } });
                toast(`${form.name} is ${image.app} ${image.version} now.`);
                reload();
            },
        });
    };
    return (
        <Card title="Channels">
            <div class="stack">
                {channels.length ? <ul class="shares">{channels.map((one) => {
                    const at = images.find((other) => other.digest === one.digest);
                    return <li key={one.app + one.board + one.name}><span class="swatch good" /><span>{one.name} <span class="muted">{one.app} · {one.board}</span></span><span>{at?.version || <Digest value={one.digest} />}</span></li>;
                })}</ul> : <Empty title="No channels yet">A channel names the image that is <code>stable</code> or <code>beta</code>.</Empty>}
                {may && <form class="actions" onSubmit={assign}>
                    <input class="auto" aria-label="Channel" value={form.name} onInput={(event) => set({ ...form, name: event.currentTarget.value })} />
                    <select class="auto" aria-label="Image of the channel" value={form.digest} onChange={(event) => set({ ...form, digest: event.currentTarget.value })}>
                        <option value="">Image…</option>{images.filter((one) => one.version && one.board).map((one) => <option key={one.digest} value={one.digest}>{one.app} {one.version}</option>)}</select>
                    <Button type="submit" disabled={!image || !form.name.trim()}>Set</Button>
                </form>}
            </div>
        </Card>
    );
}

export function Images({ who }) {
    useTitle("Images");
    const images = useResource("/images", { on: (kind, row) => kind === "event" && /image/.test(row.kind) });
    const channels = useResource("/channels");
    const [dialog, ask] = useConfirm();
    const may = who && who.role !== "viewer", list = images.data?.images, known = channels.data?.channels || [];
    const sorted = list && [...list].sort((a, b) => b.addedAt - a.addedAt);
    return (
        <div class="page">
            <PageHead title="Images" sub={list && plural(list.length, "image")} />
            {list && <Failure error={images.error} retry={images.reload} />}
            <div class={channels.data ? "grid-main" : ""}>
                <Card title="On the server" flush>
                    {!list ? <Pending resource={images} /> : !list.length ?
                        <Empty icon="images" title="No images yet">Build and sign one, <code>skerry image build</code> and <code>skerry image sign</code>; the first <code>skerry update</code> sends it.</Empty> :
                        <div class="table"><table class="cards">
                            <thead><tr><th>Image</th><th>Board</th><th>Counter</th><th>Size</th><th>Digest</th><th>Added</th><th><span class="sr">Actions</span></th></tr></thead>
                            <tbody>{sorted.map((image) => <Row key={image.digest} image={image} channels={known} may={may} ask={ask} reload={images.reload} />)}</tbody>
                        </table></div>}
                </Card>
                {channels.data && <Channels channels={known} images={sorted || []} may={may} ask={ask} reload={channels.reload} />}
            </div>
            {dialog}
        </div>
    );
}
