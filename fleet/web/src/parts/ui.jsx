// SPDX-License-Identifier: Apache-2.0
// The small things that every page is made of.
import { cloneElement } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import * as route from "../lib/route.js";
import { ago, clock } from "../lib/format.js";
import { useNow } from "../lib/hooks.js";
import { Icon } from "./icons.jsx";

export function Link({ href, children, ...rest }) {
    const follow = (event) => {
        if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey)
            return;
        event.preventDefault();
        route.go(href);
    };
    return <a href={href} onClick={follow} {...rest}>{children}</a>;
}

export function Button({ kind = "plain", icon, class: more, children, ...rest }) {
    return <button type="button" class={more || `button ${kind}`} {...rest}>{icon && <Icon name={icon} />}<span>{children}</span></button>;
}

// tone: good, warn, bad, info, idle. Never colour alone: there is always a word.
export function Badge({ tone = "idle", children, title }) {
    return <span class={`badge ${tone}`} title={title}>{children}</span>;
}

export function Online({ device, now }) {
    const text = device.online ? "online" : "offline";
    return <span class={device.online ? "online" : "online offline"} title={device.online ? undefined : "last heard " + ago(device.lastSeen, now)}>{text}</span>;
}

export function Time({ at, relative }) {
    const now = useNow(relative ? 5 : 60);
    if (!at)
        return <span class="muted">{relative ? "never" : "–"}</span>;
    return <time dateTime={new Date(at * 1000).toISOString()} title={new Date(at * 1000).toLocaleString()}>{relative ? ago(at, now) : clock(at, now)}</time>;
}

export function Card({ title, actions, children, flush, ...rest }) {
    return (
        <section class={`card ${flush ? "flush" : ""}`} aria-label={title} {...rest}>
            {title && <header><h2>{title}</h2>{actions && <div class="actions">{actions}</div>}</header>}
            <div class="body">{children}</div>
        </section>
    );
}

// One focus point per page: where a screen reader starts after each change of page. A page that was just loaded starts at its top.
export function PageHead({ title, sub, children }) {
    const head = useRef(null);
    useEffect(() => {
        if (route.moved)
            head.current.focus({ preventScroll: true });
    }, []);
    return (
        <div class="page-head">
            <div class="titles"><h1 tabIndex={-1} ref={head}>{title}</h1>{sub && <p class="sub">{sub}</p>}</div>
            {children && <div class="actions">{children}</div>}
        </div>
    );
}

export function Empty({ title, children, icon }) {
    return <div class="empty">{icon && <Icon name={icon} />}<p class="what">{title}</p>{children && <div class="hint">{children}</div>}</div>;
}

export function Failure({ error, retry }) {
    if (!error)
        return null;
    return (
        <div class="failure" role="alert">
            <Icon name="alert" />
            <div><strong>{error.title || "Error"}</strong><p>{error.detail || error.message}</p></div>
            {retry && <Button onClick={retry}>Try again</Button>}
        </div>
    );
}

export function Loading() {
    return <div class="loading" role="status"><span class="sr">Loading…</span></div>;
}

// What a resource shows while it has no data: loading, an error, or that this skerryd lacks the endpoint.
export function Pending({ resource, lacks }) {
    const { error, loading, reload } = resource;
    if (error?.status === 404 && lacks)
        return <Empty icon="info" title={lacks}>This skerryd does not offer it.</Empty>;
    if (error)
        return <Failure error={error} retry={reload} />;
    return loading ? <Loading /> : null;
}

// Pairs of name and value; what is not known is left out.
export function Facts({ rows }) {
    return (
        <dl class="facts">
            {rows.filter((row) => row && row[1] !== undefined && row[1] !== null && row[1] !== false && row[1] !== "")
                .map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
        </dl>
    );
}

// Around one input: its name is the label alone; hint and error describe it.
export function Field({ label, hint, error, children }) {
    const id = useId();
    const about = [hint && id + "-hint", error && id + "-error"].filter(Boolean).join(" ") || undefined;
    return (
        <div class={`field ${error ? "wrong" : ""}`}>
            <label class="label" for={id}>{label}</label>
            {cloneElement(children, { id, "aria-describedby": about })}
            {hint && <span class="hint" id={id + "-hint"}>{hint}</span>}
            {error && <span class="error" role="alert" id={id + "-error"}>{error}</span>}
        </div>
    );
}

export function Digest({ value }) {
    return value ? <code class="digest" title={value}>{value.slice(0, 12)}</code> : <span class="muted">–</span>;
}
