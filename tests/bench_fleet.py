#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""
./dev bench fleet: what a fleet costs its server. Mosquitto, skerryd (host-release) and N simulated devices, each with its own certificate and one
connection over TLS, all on this machine.

connect   until all are online: TLS handshakes a second, of which the devices' half is most (both sides run here)
idle      all online, nothing to do: skerryd's memory and its share of a core
rollout   one image to all, no pacing. Wall time holds the devices' own work too: two handshakes each, signatures, flash, a reset of a second, a
          trial. Payloads come from a mirror: a second skerryd that does nothing else. The control plane's part is the processor time of skerryd
          and of Mosquitto: each has one thread that counts, so the busier of the two is how long it would take if devices cost nothing.
browser   from a device's publishing to the event in a dashboard's stream, idle and during the rollout
stop      an image that fails: starts after the report that decides to stop
"""

import argparse
import http.client
import json
import os
import random
import shutil
import ssl
import subprocess
import sys
import threading
import time

TESTS = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [TESTS, os.path.join(TESTS, "fleet")]
import home  # noqa: E402
import many  # noqa: E402
from cases import Failure, expect  # noqa: E402
from ports import free_ports  # noqa: E402

TARGETS = {"idle_rss_mb": 60.0, "idle_cpu_percent": 5.0, "control_plane_s": 60.0, "browser_p99_ms": 300.0, "stop_late_ms": 1000.0, "query_p99_ms": 50.0}
# Where a peer's figure is known: its documentation, or measured by us (Mosquitto). A dash: nobody says.
PEERS = {"idle_rss_mb": "Mosquitto alone 53 MB at 15,000", "control_plane_s": "AWS IoT Jobs 1,000 devices/min: 600 s; ThingsBoard 100/min: 6,000 s",
         "browser_p99_ms": "Mender: a device's next poll, 1,800 s by default", "stop_late_ms": "-", "query_p99_ms": "-", "idle_cpu_percent": "-"}
PATIENCE_S = 1800


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


class Browser(threading.Thread):
    """A dashboard: follows the stream of events, and notes when each report of the probe arrived."""

    def __init__(self, fleet):
        super().__init__(daemon=True)
        self.fleet, self.seen, self.ended, self.status, self.ready = fleet, {}, False, None, threading.Event()
        self.start()

    def run(self):
        context = ssl.create_default_context(cafile=self.fleet.file("server", "ca.pem"))
        link = http.client.HTTPSConnection("127.0.0.1", self.fleet.http_port, context=context, timeout=60)
        link.request("GET", "/api/v1/stream", None, {"Authorization": "Bearer " + self.fleet.token(), "Accept": "text/event-stream"})
        answer = link.getresponse()
        self.status = answer.status
        self.ready.set()
        while answer.status == 200 and not self.ended:
            line = answer.readline()
            now = many.now_ms()
            if not line:
                break
            if line.startswith(b"data:") and b'"probe-1"' in line and b'"report"' in line:
                event = json.loads(line[5:])
                details = event.get("details") or {}
                self.seen[details.get("digest", "")] = now
        link.close()


class Probe:
    """A device that reports another image again and again: each report is an event."""

    def __init__(self, fleet, browser):
        self.fleet, self.browser, self.sent = fleet, browser, {}
        self.client = fleet.client("probe-1")
        self._publish("presence", {"online": True, "boot": 1})

    def _publish(self, suffix, body):
        self.client.publish("%s/probe-1/%s" % (home.PREFIX, suffix), json.dumps(body), timeout=60)

    def measure(self, until):
        """One report every 100 ms until until() is true; the latencies in ms."""
        sent = []
        while not until():
            digest = "%064x" % random.getrandbits(256)
            sent.append(digest)
            self.sent[digest] = many.now_ms()
            self._publish("report", {"device": "probe-1", "board": many.BOARD, "app": "sim", "version": "1.0.0", "digest": digest, "slot": "a",
                                     "mode": "normal", "counter": 1, "boots": 1})
            time.sleep(0.1)
        home.wait_until(lambda: all(digest in self.browser.seen for digest in sent), "each report reaches the browser", 60)
        return [self.browser.seen[digest] - self.sent[digest] for digest in sent]


def edit(path, values):
    """Change lines `name = …` of a configuration file."""
    with open(path, encoding="utf-8") as file:
        lines = [("%s = %s" % (name, values[name]) if (name := line.split(" = ")[0]) in values else line.rstrip("\n")) for line in file]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


class Bench:
    def __init__(self, programs, devices, per_second):
        self.count = devices
        self.fleet = home.Home(programs)
        self.api, self.database = many.Api(self.fleet), many.Database(self.fleet)
        self.first = self.fleet.image("1.0.0", size=6000)
        self.sim, self.mirror, self.results = None, None, {"devices": devices}
        self.per_second = per_second

    def start_mirror(self):
        """Payloads from elsewhere, as a large fleet has it: a second skerryd with the same certificate, which has no broker."""
        path, port = self.fleet.scratch("mirror"), free_ports(1)[0]
        shutil.copytree(self.fleet.file("server"), os.path.join(path, "server"), ignore=shutil.ignore_patterns("enrol", "fleet.db*"))
        shutil.copy(self.fleet.file("skerry.conf"), path)
        own = os.path.join(path, "server", "skerryd.conf")
        edit(own, {"http-port": str(port), "broker-port": "1"})
        edit(self.fleet.file("server", "skerryd.conf"), {"artifact-url": "https://127.0.0.1:%d/artifacts" % port})
        self.mirror = home.Service([os.path.join(self.fleet.bin, "skerryd"), "--home", path], self.fleet.scratch("mirror.log")).wait_port(port)
        self.mirror_port = port

    def pids(self):
        return {"skerryd": self.fleet.server.process.pid, "mosquitto": self.fleet.broker.process.pid, "mirror": self.mirror.process.pid,
                "devices": self.sim.process.pid}

    def cpu(self):
        return {name: many.cpu_seconds(pid) for name, pid in self.pids().items()}

    def spent(self, before):
        return {name: round(now - before[name], 2) for name, now in self.cpu().items()}

    # ---- the measurements

    def identities(self):
        began = time.monotonic()
        done = subprocess.run([os.path.join(self.fleet.bin, "skerry"), "device", "add", "sim-", "--board", many.BOARD, "--count", str(self.count)],
                              env=self.fleet.env, capture_output=True, text=True)
        expect(done.returncode == 0, "identities are made", done.stderr)
        self.fleet.skerry("device", "add", "probe-1", "--board", many.BOARD)
        return {"seconds": round(time.monotonic() - began, 1)}

    def connect(self):
        self.start_mirror()
        self.fleet.start()
        self.sim = many.Sim(self.fleet, self.first, "--bad", "3.0.0=100", per_second=self.per_second)
        before, began = self.cpu(), time.monotonic()
        self.sim.wait_online(self.count, PATIENCE_S)
        seconds = time.monotonic() - began
        home.wait_until(lambda: self.database.one("SELECT count(*) FROM devices WHERE online = 1 AND digest IS NOT NULL") >= self.count, "skerryd knows them", 600)
        return {"seconds": round(seconds, 1), "handshakes_per_s": round(self.count / seconds, 1), "cpu_s": self.spent(before)}

    def idle(self, seconds):
        time.sleep(5)
        before = self.cpu()
        time.sleep(seconds)
        spent = self.spent(before)
        rss = {name: round(many.rss_bytes(pid) / 1e6, 1) for name, pid in self.pids().items()}
        return {"seconds": seconds, "rss_mb": rss, "cpu_percent": {name: round(100 * value / seconds, 2) for name, value in spent.items()}}

    def rollout(self, version, waves, **more):
        suit = self.fleet.image(version, size=6000)
        digest = many.upload(self.fleet, suit)
        many.put(self.fleet, "/api/v1/images/%s/payload" % digest, suit[:-5] + ".fit", self.mirror_port)
        rollout = self.api.must("POST", "/rollouts", dict({
            "name": version, "image": digest, "selector": "id!=probe-1", "stop": [], "waves": waves,
            "device": {"timeoutS": 3600, "retries": 0, "trialS": 1200}}, **more))["id"]
        return digest, rollout

    def wait_rollout(self, rollout, *states):
        deadline = time.monotonic() + PATIENCE_S
        while True:
            row = self.api.must("GET", "/rollouts/" + rollout)
            if row["state"] in states:
                return row
            expect(time.monotonic() < deadline, "the rollout ends", row)
            time.sleep(0.5)

    def all_at_once(self, probe):
        _, rollout = self.rollout("2.0.0", [{"name": "all", "maxInFlight": max(self.count, 1)}])
        before, began, latencies, done = self.cpu(), time.monotonic(), [], []
        measuring = threading.Thread(target=lambda: latencies.extend(probe.measure(lambda: bool(done))), daemon=True)
        measuring.start()
        self.api.must("POST", "/rollouts/%s/start" % rollout)
        try:
            end = self.wait_rollout(rollout, "complete")
        finally:
            done.append(True)
        wall, spent = time.monotonic() - began, self.spent(before)
        measuring.join(120)
        expect(latencies, "each report reached the browser")
        return {"wall_s": round(wall, 1), "counts": end["counts"], "cpu_s": spent, "control_plane_s": max(spent["skerryd"], spent["mosquitto"]),
                "skerryd_rss_mb": round(many.rss_bytes(self.pids()["skerryd"]) / 1e6, 1)}, latencies

    def stop(self):
        """Every device fails: a criterion decides after five ends."""
        _, rollout = self.rollout("3.0.0", [{"name": "all", "maxInFlight": min(20, self.count), "rate": {"perMinute": 600}}],
                                  stop=[{"on": "any", "percent": 1, "min": 5, "of": "rollout", "action": "abort"}])
        self.api.must("POST", "/rollouts/%s/start" % rollout)
        self.wait_rollout(rollout, "aborted", "aborting")
        time.sleep(3)
        events = [dict(row) for row in self.database.rows("SELECT n, time, kind FROM events WHERE rollout = ? ORDER BY n", rollout)]
        decided = [event for event in events if event["kind"] == "rollout-aborting"][0]
        late = [event for event in events if event["kind"] == "job-created" and event["n"] > decided["n"]]
        return {"starts_after": len(late), "late_ms": 1000 * max([event["time"] - decided["time"] + 1 for event in late], default=0),
                "started": sum(event["kind"] == "job-created" for event in events)}

    def run(self, idle_s):
        say = lambda text: print("bench fleet: %s" % text, file=sys.stderr, flush=True)  # noqa: E731
        say("%d identities" % self.count)
        self.results["identities"] = self.identities()
        say("connecting")
        self.results["connect"] = self.connect()
        say("idle for %d s" % idle_s)
        self.results["idle"] = self.idle(idle_s)
        browser = Browser(self.fleet)
        browser.ready.wait(30)
        expect(browser.status == 200, "the stream is there", browser.status)
        probe = Probe(self.fleet, browser)
        until = time.monotonic() + 10
        idle_latency = probe.measure(lambda: time.monotonic() > until)
        say("a rollout to all")
        self.results["rollout"], latencies = self.all_at_once(probe)
        self.results["browser"] = {"idle_p99_ms": round(percentile(idle_latency, 0.99), 1), "rollout_p50_ms": round(percentile(latencies, 0.5), 1),
                                   "rollout_p99_ms": round(percentile(latencies, 0.99), 1), "samples": len(latencies)}
        say("one that stops itself")
        self.results["stop"] = self.stop()

    def close(self):
        if self.sim and self.sim.process.poll() is None:
            self.sim.process.kill()
            self.sim.process.wait(60)
        if self.mirror:
            self.mirror.end()
        self.fleet.remove()


def query(programs):
    """Over 100,000 rows, by a program of its own: it needs no fleet."""
    program = os.path.join(os.path.dirname(programs), "bin", "bench_query")
    if not os.path.exists(program):
        return None
    done = subprocess.run([program, "--json"], capture_output=True, text=True)
    expect(done.returncode == 0, "bench_query ends well", done.stdout, done.stderr)
    return json.loads(done.stdout)


def show(results):
    value = {
        "idle_rss_mb": results["idle"]["rss_mb"]["skerryd"], "idle_cpu_percent": results["idle"]["cpu_percent"]["skerryd"],
        "control_plane_s": results["rollout"]["control_plane_s"], "browser_p99_ms": results["browser"]["rollout_p99_ms"],
        "stop_late_ms": results["stop"]["late_ms"], "query_p99_ms": (results.get("query") or {}).get("p99_ms")}
    print("%d devices over TLS; %s" % (results["devices"], "online after %.0f s, %.0f handshakes/s (devices' half %.1f ms of CPU each, Mosquitto's %.1f ms)" % (
        results["connect"]["seconds"], results["connect"]["handshakes_per_s"], 1000 * results["connect"]["cpu_s"]["devices"] / results["devices"],
        1000 * results["connect"]["cpu_s"]["mosquitto"] / results["devices"])))
    print("rollout to all: %.0f s with the devices' own work; CPU seconds: skerryd %.1f, Mosquitto %.1f, mirror %.1f, devices %.1f; %s" % (
        results["rollout"]["wall_s"], results["rollout"]["cpu_s"]["skerryd"], results["rollout"]["cpu_s"]["mosquitto"], results["rollout"]["cpu_s"]["mirror"],
        results["rollout"]["cpu_s"]["devices"],
        ", ".join("%s %d" % pair for pair in results["rollout"]["counts"].items())))
    print("%-18s %10s %10s   %s" % ("", "measured", "target", "peers"))
    for name, target in TARGETS.items():
        found = value[name]
        verdict = "not measured" if found is None else ("" if found <= target else "MISSED")
        print("%-18s %10s %10g   %-60s %s" % (name, "-" if found is None else "%g" % found, target, PEERS[name], verdict))


def main():
    parser = argparse.ArgumentParser(prog="./dev bench fleet", description="What a fleet costs its server.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--devices", type=int, default=10000, metavar="N", help="simulated devices (default 10000)")
    parser.add_argument("--idle-seconds", type=int, default=60, metavar="S", help="how long idle is measured (default 60)")
    parser.add_argument("--per-second", type=int, default=200, metavar="N", help="devices switched on each second (default 200)")
    parser.add_argument("--programs", metavar="FOLDER", help="where skerryd, skerry and skerry-sim are (default: build/host-release/bin)")
    args = parser.parse_args()
    if args.devices < 10 or args.idle_seconds < 1 or args.per_second < 1:
        parser.error("--devices is at least 10, --idle-seconds and --per-second 1")
    programs = os.path.realpath(args.programs) if args.programs else home.programs()
    bench = None
    try:
        bench = Bench(programs, args.devices, args.per_second)
        bench.run(args.idle_seconds)
        bench.results["query"] = query(programs)
    except (Failure, OSError) as error:
        print("bench fleet: %s" % error, file=sys.stderr)
        return 1
    finally:
        if bench:
            bench.close()
    if args.json:
        print(json.dumps(bench.results))
    else:
        show(bench.results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
