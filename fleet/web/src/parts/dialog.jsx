// SPDX-License-Identifier: Apache-2.0
// A question before what cannot be taken back, and the word after it.
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icons.jsx";
import { Button, Failure } from "./ui.jsx";

// `act`: {title, text, label, danger, run()}; closes when run() has succeeded, shows what it throws.
export function Confirm({ act, onClose }) {
    const box = useRef(null);
    const [state, set] = useState({});
    useEffect(() => {
        box.current.showModal();
    }, []);
    const submit = async (event) => {
        event.preventDefault();
        set({ busy: true });
        try {
            await act.run();
            onClose();
        } catch (error) {
            set({ error });
        }
    };
    return (
        <dialog ref={box} onClose={onClose} aria-labelledby="dialog-title">
            <form onSubmit={submit}>
                <h2 id="dialog-title">{act.title}</h2>
                <p>{act.text}</p>
                <Failure error={state.error} />
                <div class="actions">
                    <Button onClick={onClose}>Cancel</Button>
                    <Button kind={act.danger ? "danger primary" : "primary"} type="submit" disabled={state.busy}>{state.busy ? "…" : act.label}</Button>
                </div>
            </form>
        </dialog>
    );
}

// [dialog to show, ask(act)]
export function useConfirm() {
    const [act, set] = useState(null);
    return [act && <Confirm act={act} onClose={() => set(null)} />, set];
}

const SHOWN_MS = 6000;
let toasts = [], number = 0;
const watchers = new Set();

function change(next) {
    toasts = next;
    watchers.forEach((watcher) => watcher(next));
}

export function toast(text, tone = "good") {
    const one = { n: ++number, text, tone };
    change([...toasts.slice(-3), one]);
    if (tone === "good")
        setTimeout(() => dismiss(one.n), SHOWN_MS);
}

const dismiss = (n) => change(toasts.filter((one) => one.n !== n));

export function Toasts() {
    const [shown, set] = useState(toasts);
    useEffect(() => {
        watchers.add(set);
        return () => watchers.delete(set);
    }, []);
    return (
        <div class="toasts" role="status" aria-live="polite">
            {shown.map((one) => (
                <div key={one.n} class={"toast " + one.tone}><div>{one.text}</div>
                    <button type="button" class="quiet" aria-label="Dismiss" onClick={() => dismiss(one.n)}><Icon name="close" /></button></div>
            ))}
        </div>
    );
}
