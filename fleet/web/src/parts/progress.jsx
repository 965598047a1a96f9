// SPDX-License-Identifier: Apache-2.0
import { count } from "../lib/format.js";
import { progress } from "../lib/rollouts.js";

// Of {state: n}; the words are in its label.
export function ProgressBar({ counts }) {
    const { size, parts } = progress(counts);
    const text = parts.map((part) => `${part.n} ${part.text}`).join(", ") || "nothing started";
    return (
        <div class="bar" role="img" aria-label={`${text}, of ${size}`}>
            {parts.map((part) => <span key={part.text} class={part.tone} style={{ width: (100 * part.n) / size + "%" }} />)}
        </div>
    );
}

export function Counts({ counts }) {
    const { size, parts } = progress(counts);
    const pending = counts?.pending || 0;
    return (
        <span class="counts">
            {parts.map((part) => <span key={part.text} class={part.tone}><b>{count(part.n)}</b> {part.text}</span>)}
            {pending > 0 && <span><b>{count(pending)}</b> pending</span>}
            <span class="muted">of {count(size)}</span>
        </span>
    );
}
