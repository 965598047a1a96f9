#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""/metrics, read by Prometheus' own parser, against what was done to skerryd; with a real Mosquitto and simulated devices."""

import json
import sys
import threading

import home
from cases import Failure, case, expect, main

sys.path.append("/usr/lib/python3/dist-packages")  # where Debian puts it, also for a Python that is not Debian's
from prometheus_client.parser import text_string_to_metric_families  # noqa: E402

BIN = home.programs()
fleet = home.Home(BIN).start()


def scrape():
    """{(name, labels as a frozen set of pairs): value}, of an exposition that is well-formed."""
    status, head, body = fleet.api("/metrics")
    expect(status == 200 and "content-type: text/plain; version=0.0.4" in head, "metrics", head)
    values, families = {}, set()
    text = body.decode()
    expect(text.endswith("\n"), "it ends with a line feed")
    for family in text_string_to_metric_families(text):
        expect(family.name not in families and family.documentation and family.type in ("gauge", "counter", "histogram"), "a family, once", family)
        families.add(family.name)
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            expect(key not in values, "a series comes once", key)
            values[key] = sample.value
        if family.type == "histogram":
            check_histogram(family)
    return values


def check_histogram(family):
    series = {}
    for sample in family.samples:
        labels = frozenset(pair for pair in sample.labels.items() if pair[0] != "le")
        series.setdefault(labels, {"buckets": []})
        if sample.name.endswith("_bucket"):
            series[labels]["buckets"].append((float(sample.labels["le"]), sample.value))
        else:
            series[labels][sample.name[-4:]] = sample.value
    for one in series.values():
        bounds, counts = zip(*one["buckets"])
        expect(list(bounds) == sorted(set(bounds)) and bounds[-1] == float("inf"), "bounds rise", family.name, bounds)
        expect(list(counts) == sorted(counts) and counts[-1] == one["ount"] and one["_sum"] >= 0, "counts add up", family.name, one)


def value(metrics, name, **labels):
    return metrics.get((name, frozenset(labels.items())), 0)


def total(metrics, name):
    return sum(number for (key, _), number in metrics.items() if key == name)


@case("metrics: the process, the fleet, messages, HTTP and database; what was done is what they say")
def figures():
    first = scrape()
    expect(1 << 20 < value(first, "process_resident_memory_bytes") < 1 << 40 and value(first, "process_cpu_seconds_total") > 0, "the process", first)
    expect(value(first, "skerryd_broker_connected") == 1 and value(first, "skerryd_http_connections") >= 1, "its connections")
    one, two = fleet.device("m-1", version="1.0.0"), fleet.device("m-2", version='2.0"\\x')
    fleet.skerry("device", "add", "m-3", "--board", "qemu-virt")
    for text in ("1", "2", "bad", "[]"):
        one.say("telemetry/t", text)
    home.wait_until(lambda: value(scrape(), "skerryd_mqtt_messages_malformed_total") >= 2, "all came")
    two.client.kill()
    home.wait_until(lambda: value(scrape(), "skerryd_devices_online", online="true") == 1, "one is offline")
    for path, count in (("/api/v1/devices/absent", 3), ("/api/v1/status", 2), ("/nowhere", 2), ("/nowhere/at/all", 1)):
        for _ in range(count):
            fleet.api(path)
    before = scrape()
    expect(value(before, "skerryd_mqtt_messages_malformed_total") == 2, "malformed ones")
    expect(value(before, "skerryd_mqtt_messages_received_total", kind="telemetry") == 4, "telemetry")
    expect(value(before, "skerryd_mqtt_messages_received_total", kind="report") == 2, "reports")
    expect(value(before, "skerryd_mqtt_messages_sent_total") >= 2, "answers to two gets", before)
    expect(value(before, "skerryd_devices", state="active") == 3 and value(before, "skerryd_devices_online", online="false") == 2, "devices")
    expect(value(before, "skerryd_devices_version", version="1.0.0") == 1 and value(before, "skerryd_devices_version", version='2.0"\\x') == 1
           and value(before, "skerryd_devices_version", version="unknown") == 1, "versions, escaped")
    expect(total(before, "skerryd_devices_health") == 3, "health")
    expect(value(before, "skerryd_http_requests_total", route="/api/v1/devices/*", method="GET", code="404") == 3, "requests by route and code")
    expect(value(before, "skerryd_http_requests_total", route="none", method="any", code="404") == 3, "all that have no route as one")
    expect(value(before, "skerryd_http_request_seconds_count", route="/api/v1/devices/*", method="GET") == 3, "their time")
    expect(total(before, "skerryd_db_transaction_seconds_count") > 5 and value(before, "skerryd_db_failures_total") == 0, "transactions")


@case("metrics: those who wait are gauged, and no latency; jobs by status")
def waiting():
    device = fleet.device("m-wait")
    suit = fleet.image("1.2.0")
    update = fleet.update("m-wait", suit)
    update.first()
    execution = device.jobs.get(timeout=home.TIMEOUT_S)
    home.wait_until(lambda: value(scrape(), "skerryd_jobs", status="QUEUED") == 1, "one is queued")
    device.update(execution["jobId"], "IN_PROGRESS", 1, step="manifest")
    metrics = scrape()
    expect(value(metrics, "skerryd_jobs", status="IN_PROGRESS") == 1 and value(metrics, "skerryd_jobs", status="QUEUED") == 0, "one is under way")
    device.update(execution["jobId"], "FAILED", 2, error="E_SIG")
    update.result()
    expect(value(scrape(), "skerryd_jobs", status="FAILED") == 1, "one failed")
    thread = threading.Thread(target=fleet.api, args=("/api/v1/devices/m-wait/logs?wait=60",))
    thread.start()
    home.wait_until(lambda: value(scrape(), "skerryd_http_requests_waiting") == 1, "one waits")
    device.say("log", {"first": 1, "lines": ["x"]})
    thread.join(home.TIMEOUT_S)
    expect(not thread.is_alive(), "it was woken")
    labels = {"route": "/api/v1/devices/*/logs", "method": "GET"}
    metrics = home.wait_until(lambda: (lambda seen: value(seen, "skerryd_http_requests_total", code="200", **labels) and seen)(scrape()), "it is counted")
    expect(value(metrics, "skerryd_http_requests_waiting") == 0, "nobody waits")
    expect(value(metrics, "skerryd_http_request_seconds_count", **labels) == 0, "its time is no latency")


@case("metrics: a tenant's token sees the tenant's fleet, and nothing of the process or of others")
def tenants():
    def call(method, path, body):
        status, head, answer = fleet.api(path, "-X", method, "-d", json.dumps(body))
        expect(status in (200, 201), "%s %s" % (method, path), head, answer)
        return json.loads(answer)
    call("PUT", "/api/v1/tenants/acme", {})
    token = call("POST", "/api/v1/tokens", {"name": "acme-viewer", "role": "viewer", "tenant": "acme"})["token"]
    _, head, body = fleet.curl("/metrics", "-H", "Authorization: Bearer " + token)
    expect(" 200" in head.splitlines()[0], "it may", head)
    text = body.decode()
    expect("process_" not in text and "skerryd_http" not in text and "skerryd_mqtt" not in text, "nothing of the process", text)
    expect("version=" not in text and 'skerryd_devices_online{online="true"} 0' in text, "no device of others", text)
    _, head, body = fleet.curl("/api/v1/history?from=0", "-H", "Authorization: Bearer " + token)
    expect(json.loads(body) == {"history": []}, "nor in the history", body)
    _, head, body = fleet.curl("/api/v1/devices/m-1/telemetry", "-H", "Authorization: Bearer " + token)
    expect(" 404" in head.splitlines()[0], "nor telemetry of another's device", head)


@case("metrics: without a token nothing; without a broker it says so")
def refused():
    code, head, _ = fleet.curl("/metrics")
    expect(code == 0 and " 401" in head, "no token", head)
    fleet.broker.end()
    home.wait_until(lambda: value(scrape(), "skerryd_broker_connected") == 0, "the broker is gone")
    fleet.start_broker()
    home.wait_until(lambda: value(scrape(), "skerryd_broker_connected") == 1, "and back")


def clean_up():
    log = fleet.server.text() if fleet.server else ""
    fleet.remove()
    if "Sanitizer" in log or "runtime error" in log:
        print(log)
        raise Failure("a sanitizer complained in skerryd")


if __name__ == "__main__":
    sys.exit(main(__doc__, clean_up))
