// SPDX-License-Identifier: Apache-2.0
// A long list of which only what is seen is in the document. Rows have one height; arrow keys, Page Up/Down, Home and End move through them.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

const MARGIN_ROWS = 8;

// The rows to draw for a list that is scrolled to `top` in a window of `height`.
export function visibleRange(top, height, rowHeight, total) {
    const first = Math.max(0, Math.floor(top / rowHeight) - MARGIN_ROWS);
    const last = Math.min(total, Math.ceil((top + height) / rowHeight) + MARGIN_ROWS);
    return [Math.min(first, last), last];
}

const STEPS = { ArrowDown: () => 1, ArrowUp: () => -1, PageDown: (page) => page, PageUp: (page) => -page, Home: () => -Infinity, End: () => Infinity };

export function Rows({ label, total, rowHeight, head, row, onRange }) {
    const box = useRef(null);
    const [view, setView] = useState({ top: 0, height: 600 });
    const [active, setActive] = useState(-1);
    const wantsFocus = useRef(false);
    const [first, last] = visibleRange(view.top, view.height, rowHeight, total);

    useLayoutEffect(() => {
        const measure = () => setView({ top: box.current.scrollTop, height: box.current.clientHeight });
        const observer = new ResizeObserver(measure);
        observer.observe(box.current);
        measure();
        return () => observer.disconnect();
    }, []);

    useEffect(() => onRange?.(first, last), [first, last, total]);

    useLayoutEffect(() => {
        if (!wantsFocus.current)
            return;
        const link = box.current.querySelector(`[aria-rowindex="${active + 2}"] a`);
        if (link) {
            link.focus({ preventScroll: true });
            wantsFocus.current = false;
        }
    });

    const move = (event) => {
        const step = STEPS[event.key];
        if (!step || event.ctrlKey || event.altKey || event.metaKey || !total)
            return;
        event.preventDefault();
        const page = Math.max(1, Math.floor(view.height / rowHeight) - 1);
        const next = Math.min(total - 1, Math.max(0, active + step(page)));
        const top = next * rowHeight;
        if (top < box.current.scrollTop)
            box.current.scrollTop = top;
        else if (top + rowHeight > box.current.scrollTop + view.height - rowHeight)
            box.current.scrollTop = top + 2 * rowHeight - view.height;
        wantsFocus.current = true;
        setActive(next);
    };
    const onFocus = (event) => {
        const index = event.target.closest("[aria-rowindex]")?.getAttribute("aria-rowindex");
        if (index)
            setActive(Number(index) - 2);
    };

    const rows = [];
    for (let i = first; i < last; i++)
        rows.push(row(i, { key: i, role: "row", "aria-rowindex": i + 2, class: "row", style: { top: i * rowHeight + "px", height: rowHeight + "px" } }));
    return (
        <div class="rows" role="table" aria-label={label} aria-rowcount={total + 1} ref={box} tabIndex={0} onKeyDown={move} onFocusIn={onFocus}
            onScroll={() => setView({ top: box.current.scrollTop, height: box.current.clientHeight })}>
            {head}
            <div class="tall" role="rowgroup" style={{ height: total * rowHeight + "px" }}>{rows}</div>
        </div>
    );
}
