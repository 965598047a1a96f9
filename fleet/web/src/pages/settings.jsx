// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { post, request } from "../lib/api.js";
import { useResource, useTitle } from "../lib/hooks.js";
import { toast, useConfirm } from "../parts/dialog.jsx";
import { Badge, Button, Card, Empty, Facts, Failure, Field, PageHead, Pending, Time } from "../parts/ui.jsx";

const DAYS = [["", "never"], ["1", "in a day"], ["30", "in 30 days"], ["365", "in a year"]];

function NewToken({ reload }) {
    const [form, set] = useState({ name: "", role: "viewer", tenant: "", days: "30" });
    const [state, setState] = useState({});
    const field = (name) => ({ value: form[name], onInput: (event) => set({ ...form, [name]: event.currentTarget.value }) });
    const submit = async (event) => {
        event.preventDefault();
        if (!form.name.trim())
            return setState({ error: { title: "Not yet", detail: "Give the token a name: the audit log will show it." } });
        try {
            const expiresAt = form.days ? Math.floor(Date.now() / 1000) + form.days * 86400 : undefined;
            setState({ made: await post("/tokens", { name: form.name.trim(), role: form.role, tenant: form.tenant.trim() || undefined, expiresAt }) });
            set({ ...form, name: "" });
            reload();
        } catch (error) {
            setState({ error });
        }
    };
    return (
        <form onSubmit={submit} class="stack">
            <div class="row2">
                <Field label="Name"><input {...field("name")} autoComplete="off" /></Field>
                <Field label="Role"><select {...field("role")}><option>viewer</option><option>operator</option><option>admin</option></select></Field>
                <Field label="Tenant"><input {...field("tenant")} autoComplete="off" aria-description="empty: all" /></Field>
                <Field label="Expires"><select {...field("days")}>{DAYS.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</select></Field>
            </div>
            <Failure error={state.error} />
            {state.made && <div class="note" role="status">Copy it now, it is not shown again: <code class="secret">{state.made.token}</code></div>}
            <div><Button kind="primary" type="submit">Make a token</Button></div>
        </form>
    );
}

function Tokens({ who }) {
    const resource = useResource("/tokens");
    const [dialog, ask] = useConfirm();
    const list = resource.data?.tokens;
    if (!list)
        return <Card title="Tokens"><Pending resource={resource} lacks="No tokens to manage" /></Card>;
    const remove = (token) => ask({
        title: `Withdraw the token ${token.name}?`, danger: true, label: "Withdraw", text: "Whoever uses it is refused from then on.",
        run: async () => {
            await request("/tokens/" + encodeURIComponent(token.id), { method: "DELETE" });
            toast(`The token ${token.name} is withdrawn.`);
            resource.reload();
        },
    });
    return (
        <>
            <Card title="New token"><NewToken reload={resource.reload} /></Card>
            <Card title="Tokens" flush>
                {!list.length ? <Empty title="No tokens but the home's own" /> : <div class="table"><table class="cards">
                    <thead><tr><th>Name</th><th>Role</th><th>Tenant</th><th>Made</th><th>Expires</th><th>Last used</th><th><span class="sr">Actions</span></th></tr></thead>
                    <tbody>{list.map((token) => (
                        <tr key={token.id}><td class="first"><strong>{token.name}</strong></td><td><Badge>{token.role}</Badge></td><td data-name="tenant">{token.tenant || "all"}</td><td data-name="made"><Time at={token.addedAt} /></td>
                            <td data-name="expires">{token.expiresAt ? <Time at={token.expiresAt} /> : "never"}</td><td data-name="used"><Time at={token.lastUsed} relative /></td>
                            <td class="wide">{token.name !== who.name && <Button class="button small" onClick={() => remove(token)} aria-label={`Withdraw ${token.name}`}>Withdraw</Button>}</td></tr>
                    ))}</tbody>
                </table></div>}
            </Card>
            {dialog}
        </>
    );
}

export function Settings({ who }) {
    useTitle("Settings");
    const status = useResource("/status");
    return (
        <div class="page">
            <PageHead title="Settings" />
            <Card title="You and this server">
                <Facts rows={[["Signed in as", who?.name], ["Role", who?.role], ["Tenant", who?.tenant || "all"], ["skerryd", status.data?.version], ["Broker", status.data?.broker], ["Keyset", status.data?.keyset]]} />
                <Failure error={status.error} retry={status.reload} />
            </Card>
            {who?.role === "admin" ? <Tokens who={who} /> : <p class="muted">Tokens are made and withdrawn by an admin.</p>}
        </div>
    );
}
