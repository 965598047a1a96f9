// SPDX-License-Identifier: Apache-2.0
// Server-sent events, as the HTML standard's "event stream interpretation" has them, for a stream read with fetch().

// A function that takes text as it comes and calls onMessage({id, event, data}) for each whole message.
export function parser(onMessage) {
    let rest = "", fields = { event: "", data: [] }, id = "";

    function line(text) {
        if (text === "") {
            if (fields.data.length)
                onMessage({ id, event: fields.event || "message", data: fields.data.join("\n") });
            fields = { event: "", data: [] };
            return;
        }
        const colon = text.indexOf(":");
        if (colon === 0)
            return; // a comment: it only says that the connection lives
        const name = colon < 0 ? text : text.slice(0, colon);
        const value = colon < 0 ? "" : text.slice(colon + 1).replace(/^ /, "");
        if (name === "data")
            fields.data.push(value);
        else if (name === "event")
            fields.event = value;
        else if (name === "id" && !value.includes("\0"))
            id = value;
    }

    return (text) => {
        rest += text;
        // A CR at the end may be the first half of a CRLF.
        const lines = rest.split(/\r\n|\n|\r(?!$)/);
        rest = lines.pop();
        lines.forEach(line);
    };
}
