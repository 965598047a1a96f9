// SPDX-License-Identifier: Apache-2.0
// Bundles src/ and writes it as a C array: node build.js --packages FOLDER --out FILE.c [--files FOLDER]
// Names carry a hash of what they hold, so that a browser may keep them for ever; the page itself is asked for each time.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const { values: options } = parseArgs({ options: { packages: { type: "string" }, out: { type: "string" }, files: { type: "string" } } });
if (!options.packages || !options.out) {
    console.error("build.js: --packages and --out are needed\n  remedy: see its first lines; CMake calls it");
    process.exit(2);
}
const { buildSync } = createRequire(join(options.packages, "package.json"))("esbuild");

const TYPES = { js: "text/javascript; charset=utf-8", css: "text/css; charset=utf-8", svg: "image/svg+xml", html: "text/html; charset=utf-8" };
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex").slice(0, 16);

function bundle(entry) {
    const built = buildSync({
        entryPoints: [join(here, "src", entry)], bundle: true, minify: true, write: false, format: "esm", target: "es2022", legalComments: "none",
        charset: "utf8", jsx: "automatic", jsxImportSource: "preact", nodePaths: [join(options.packages, "node_modules")],
        // Two spellings of one file would be two files.
        absWorkingDir: here, logLevel: "warning", outdir: "out",
    });
    return Buffer.from(built.outputFiles[0].contents);
}

function asset(name, type, bytes) {
    return { name, type: TYPES[type], bytes, tag: hash(bytes) };
}

function hashed(stem, type, bytes) {
    return asset(`${stem}-${hash(bytes)}.${type}`, type, bytes);
}

function collect() {
    const script = hashed("app", "js", bundle("main.jsx"));
    const style = hashed("app", "css", bundle("style/main.css"));
    const icon = hashed("icon", "svg", readFileSync(join(here, "src/icon.svg")));
    const page = readFileSync(join(here, "src/index.html"), "utf8")
        .replace("app.js", script.name).replace("app.css", style.name).replace("icon.svg", icon.name);
    return [asset("", "html", Buffer.from(page)), script, style, icon];
}

function array(symbol, bytes) {
    const rows = [];
    for (let i = 0; i < bytes.length; i += 24)
        rows.push("\t" + Array.from(bytes.subarray(i, i + 24), (byte) => byte + ",").join(""));
    return `static const uint8_t ${symbol}[] = {\n${rows.join("\n")}\n};\n`;
}

function source(assets) {
    const packed = assets.map((one) => gzipSync(one.bytes, { level: 9 }));
    const entries = assets.map((one, i) => `\t{"${one.name}", "${one.type}", "\\"${one.tag}\\"", "gzip", asset_${i}, sizeof asset_${i}},\n`);
    return `/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by fleet/web/build.js. */\n#include "skerryd/web.h"\n\n` +
        packed.map((bytes, i) => array(`asset_${i}`, bytes)).join("") +
        `const struct web_asset web_assets[] = {\n${entries.join("")}\t{0},\n};\n`;
}

const assets = collect();
mkdirSync(dirname(options.out), { recursive: true });
writeFileSync(options.out, source(assets));
if (options.files) {
    mkdirSync(options.files, { recursive: true });
    for (const one of assets)
        writeFileSync(join(options.files, one.name || "index.html"), one.bytes);
}
