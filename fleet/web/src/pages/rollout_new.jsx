// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { post } from "../lib/api.js";
import { describe, emptyForm, emptyWave } from "../lib/describe.js";
import { count, plural, span } from "../lib/format.js";
import { useResource, useTitle } from "../lib/hooks.js";
import { go, rolloutHref } from "../lib/route.js";
import { toast } from "../parts/dialog.jsx";
import { Button, Card, Failure, Field, PageHead, Pending } from "../parts/ui.jsx";

function Input({ label, hint, form, set, name, ...rest }) {
    return <Field label={label} hint={hint}><input value={form[name]} onInput={(event) => set({ ...form, [name]: event.currentTarget.value })} spellcheck={false} autoComplete="off" {...rest} /></Field>;
}

function Choice({ label, hint, form, set, name, options }) {
    return <Field label={label} hint={hint}><select value={form[name]} onChange={(event) => set({ ...form, [name]: event.currentTarget.value })}>{options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</select></Field>;
}

const KINDS = [["count", "a number of devices"], ["percent", "a share in percent"], ["rest", "all that are left"]];
const ORDERS = [["random", "random"], ["id", "by id"]];
const number = { inputMode: "numeric" };

function WaveForm({ form, set, index, remove }) {
    return (
        <fieldset>
            <legend>Wave {index + 1}</legend>
            <div class="row2">
                <Input label="Name" name="name" form={form} set={set} />
                <Choice label="Takes" name="kind" form={form} set={set} options={KINDS} />
                {form.kind !== "rest" && <Input label={form.kind === "percent" ? "Percent" : "Devices"} name="amount" form={form} set={set} {...number} />}
                <Input label="Only those with" hint="a selector" name="selector" form={form} set={set} />
            </div>
            <details><summary>Pace and gate</summary>
                <div class="row2">
                    <Choice label="Order" name="order" form={form} set={set} options={ORDERS} />
                    <Input label="At once, at most" hint="default 100" name="maxInFlight" form={form} set={set} {...number} />
                    <Input label="Starts per minute" hint="default: no limit" name="perMinute" form={form} set={set} {...number} />
                    <Input label="Next wave at % succeeded" hint="default 95" name="successPercent" form={form} set={set} {...number} />
                    <Input label="of at least, finished" hint="default: all" name="minFinished" form={form} set={set} {...number} />
                    <Input label="held for, minutes" hint="default 0" name="soakMinutes" form={form} set={set} {...number} />
                </div>
            </details>
            {remove && <div><Button class="button small" onClick={remove}>Remove this wave</Button></div>}
        </fieldset>
    );
}

function Plan({ plan }) {
    return (
        <Card title="Plan">
            <div class="stack">
                <p><strong>{plural(plan.devices, "device")}</strong> of {count(plan.matching)} that match{plan.inOtherRollouts > 0 && `; ${count(plan.inOtherRollouts)} in another open rollout`}{plan.inNoWave > 0 && `; ${count(plan.inNoWave)} in no wave`}.
                    {plan.approvals > 0 && ` ${plural(plan.approvals, "approval")} needed before it starts.`}</p>
                {plan.devices === 0 && <p class="note warn">Nobody would get this image. Look at the selectors, and whether the image is for the board of these devices.</p>}
                <div class="table"><table class="cards">
                    <thead><tr><th>Wave</th><th>Devices</th><th>Online</th><th>Run it already</th><th>Opens</th><th>First devices</th></tr></thead>
                    <tbody>{(plan.waves || []).map((wave) => (
                        <tr key={wave.name}><td class="first"><strong>{wave.name}</strong></td><td data-name="devices">{count(wave.size)}</td><td data-name="online">{count(wave.online)}</td><td data-name="run it">{count(wave.runsIt)}</td>
                            <td data-name="opens">{wave.opensAfterS ? "after " + span(wave.opensAfterS) + " at the earliest" : "at once"}</td><td class="wide muted">{(wave.devices || []).slice(0, 6).join(", ")}{wave.size > 6 && " …"}</td></tr>
                    ))}</tbody>
                </table></div>
            </div>
        </Card>
    );
}

function Form({ images }) {
    const [form, set] = useState(emptyForm());
    const [state, setState] = useState({});
    const setWave = (index) => (wave) => set({ ...form, waves: form.waves.map((one, i) => (i === index ? wave : one)) });
    const send = async (path, then) => {
        let description;
        try {
            description = describe(form);
        } catch (error) {
            return setState({ error: { title: "Not yet", detail: error.message } });
        }
        setState({ busy: true });
        try {
            const answer = await post(path, description);
            setState({});
            then(answer);
        } catch (error) {
            setState({ error });
        }
    };
    const preview = () => send("/rollouts/plan", (plan) => setState({ plan }));
    const create = (event) => {
        event.preventDefault();
        send("/rollouts", (rollout) => {
            toast("The draft is there: nothing happens before you start it.");
            go(rolloutHref(rollout.id));
        });
    };
    return (
        <form class="form" onSubmit={create}>
            <Card title="What and where">
                <div class="row2">
                    <Choice label="Image" name="image" form={form} set={set} options={[["", "Choose…"], ...images.map((one) => [one.digest, `${one.app} ${one.version} · ${one.board || "unknown board"} · ${one.digest.slice(0, 8)}`])]} />
                    <Input label="Name" hint="what people will call it" name="name" form={form} set={set} />
                    <Input label="Devices" hint="selector, such as site=north; empty: all of the image's board" name="selector" form={form} set={set} />
                </div>
            </Card>
            {form.waves.map((wave, i) => <WaveForm key={i} index={i} form={wave} set={setWave(i)} remove={form.waves.length > 1 && (() => set({ ...form, waves: form.waves.filter((_, k) => k !== i) }))} />)}
            <div><Button icon="plus" onClick={() => set({ ...form, waves: [...form.waves, emptyWave()] })}>Add a wave</Button></div>
            <Card title="When it goes wrong">
                <div class="row2">
                    <Input label="Stop at % bad" hint="empty: never by itself" name="stopPercent" form={form} set={set} {...number} />
                    <Input label="and at least" hint="bad devices" name="stopMin" form={form} set={set} {...number} />
                    <Choice label="Then" name="stopAction" form={form} set={set} options={[["pause", "pause"], ["abort", "abort"], ["rollback", "roll everything back"]]} />
                    <Input label="Time limit per device" hint="minutes, default 30" name="timeoutMinutes" form={form} set={set} {...number} />
                    <Input label="Retries" hint="default 1" name="retries" form={form} set={set} {...number} />
                    <Choice label="Offline devices" name="offline" form={form} set={set} options={[["wait", "wait for them"], ["skip", "skip them"], ["deadline", "wait until a deadline"]]} />
                    {form.offline === "deadline" && <Input label="Deadline, hours" hint="default 24" name="offlineHours" form={form} set={set} {...number} />}
                    <Choice label="Later devices" name="members" form={form} set={set} options={[["snapshot", "stay out"], ["continuous", "join"]]} />
                    <Input label="Approvals needed" hint="by others than you" name="approvals" form={form} set={set} {...number} />
                </div>
            </Card>
            <Failure error={state.error} />
            {state.plan && <Plan plan={state.plan} />}
            <div class="actions"><Button onClick={preview} disabled={state.busy}>Preview the plan</Button><Button kind="primary" type="submit" disabled={state.busy}>Make the draft</Button></div>
        </form>
    );
}

export function RolloutNew() {
    useTitle("New rollout");
    const images = useResource("/images");
    return <div class="page"><PageHead title="New rollout" sub="A draft: nothing happens before you start it." />{images.data ? <Form images={images.data.images.filter((one) => one.version)} /> : <Pending resource={images} />}</div>;
}
