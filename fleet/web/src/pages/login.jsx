// SPDX-License-Identifier: Apache-2.0
import { useState } from "preact/hooks";
import { request } from "../lib/api.js";
import { useTitle } from "../lib/hooks.js";
import * as session from "../lib/session.js";
import { Button, Failure, Field } from "../parts/ui.jsx";
import { Logo } from "../parts/shell.jsx";

export function Login() {
    const [text, setText] = useState("");
    const [state, setState] = useState({});
    useTitle("Sign in");

    const submit = async (event) => {
        event.preventDefault();
        const token = text.trim();
        if (!token)
            return setState({ wrong: "Enter a token." });
        setState({ busy: true });
        try {
            await request("/status", { token });
            session.begin(token);
        } catch (error) {
            setState(error.status === 401 ? { wrong: "skerryd does not know this token. Check that it was copied whole." } : { error });
        }
    };

    return (
        <main class="login" id="main">
            <form onSubmit={submit} class="card">
                <div class="brand"><Logo /><h1>Skerry</h1></div>
                {session.ended && !state.wrong && <p class="note" role="status">{session.ended}</p>}
                <Field label="Token" error={state.wrong} hint="Kept until this tab is closed.">
                    <input type="password" value={text} autoComplete="current-password" autoFocus spellcheck={false}
                        aria-invalid={!!state.wrong} onInput={(event) => setText(event.currentTarget.value)} />
                </Field>
                <Failure error={state.error} />
                <Button kind="primary" type="submit" disabled={state.busy}>{state.busy ? "Signing in…" : "Sign in"}</Button>
                <p class="hint">The home of the fleet has one in <code>operator/api-token</code>; an admin can make more.</p>
            </form>
        </main>
    );
}
