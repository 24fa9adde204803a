"""First imports: what the limits of Stibee's API allow is the floor."""

import math
import os
import random
import sys
import time

from daemon import Unsubscribers, WalWatch
from process import Usage
from table import Result, seconds, size

RATE = 10  # calls a second, API v1
V1 = ("--rate", f"{RATE}/s", "--latency", "100ms", "--v2-list-rate", "1000/s")


def v1_floor(calls):
    """When the last of so many calls may leave, if the first leaves at once."""
    return (calls - 1) / RATE


def count(people):
    return f"{people:,}"


def _imported(bench, work, people, floor, begin, database_before, left_out=lambda: 0):
    """What a first import took that has just begun: it ends when all but those who are left out have arrived, and its
    costs when everything is settled."""
    process = bench.daemon.process
    bench.await_applied(lambda: people - left_out())
    took = time.monotonic() - begin
    bench.daemon.await_nothing_pending()
    stats = bench.sim.stats()
    first = bench.sim.first_call() - process.started_at
    calls = sum(number for name, number in stats["endpoints"].items() if name in ("v1.subscribe", "v2.add", "v2.bulk"))
    return Result(work, floor(calls), took, cpu=process.cpu(), peak=process.peak(), written=process.written(),
                  database_cpu=bench.cluster.cpu() - database_before, people=people, calls=calls,
                  violations=stats["violations"], remark=f"first call after {seconds(first)}")


def first_import(bench):
    people = bench.people(100_000, 10_000)
    bench.members(people)
    sim = bench.simulator(*V1)
    rival = Usage([sys.executable, os.path.join(os.path.dirname(__file__), "rival.py"), bench.cluster.url,
                   str(sim.port), sim.authority, os.path.join(bench.directory, "rival.state")])
    calls = sim.stats()["calls"]
    yield Result(f"first import v1, {count(people)}: a Python script", v1_floor(calls), rival.seconds, cpu=rival.cpu,
                 peak=rival.peak, written=rival.written, people=people, calls=calls, violations=sim.violations(),
                 remark="a stand-in for a rival")
    bench.simulator(*V1)
    daemon = bench.new_daemon()
    before, begin = bench.cluster.cpu(), time.monotonic()
    daemon.start()
    yield _imported(bench, f"first import v1, {count(people)}", people, v1_floor, begin, before)
    bench.stop()


def large_import(bench):
    people = bench.people(1_000_000, 40_000)
    bench.members(people)
    bench.simulator(*V1)
    daemon = bench.new_daemon()
    before, begin = bench.cluster.cpu(), time.monotonic()
    daemon.start()
    # A daemon that has not begun to listen yet answers nobody.
    while daemon.metric("stibee_build_info") is None:
        time.sleep(0.05)
    unsubscribers, wal = Unsubscribers(daemon, people), WalWatch(daemon)
    # Who opts out before their turn is not sent.
    result = _imported(bench, f"first import v1, {count(people)}, a webhook every 2 s", people, v1_floor, begin, before,
                       lambda: len(unsubscribers.waits))
    unsubscribers.end()
    longest = daemon.metric("stibee_store_longest_transaction_seconds")
    result.remark = ", ".join([
        result.remark,
        f"slowest of {len(unsubscribers.waits)} webhooks {seconds(max(unsubscribers.waits, default=None))}",
        "longest store transaction " + (seconds(longest) if longest is not None else "not measured"),
        f"loop blocked for at most {seconds(max(unsubscribers.blocks, default=None))}",
        f"WAL at most {size(wal.end())}", f"state {size(daemon.state_bytes())}"])
    bench.stop()
    bench.keep_import(people)
    yield result


def v2_import(bench):
    people = bench.people(100_000, 20_000)
    window, name = (60, "1 min") if bench.full_v2 else (6, "6 s")
    bench.members(people, groups=False)
    bench.simulator("--v2-bulk-rate", f"10/{window}s", "--v2-other-rate", f"1000/{window}s", "--v2-list-rate",
                    f"100/{window}s", "--latency", "50ms")
    limits = f"{{bulk: 10/{window}s, other: 1000/{window}s, list: 100/{window}s}}"
    daemon = bench.new_daemon(["api: v2", f"rate_limits: {limits}"])
    before, begin = bench.cluster.cpu(), time.monotonic()
    daemon.start()
    # Of a window, 10 calls of 1,000 people and 1,000 of one.
    floor = (math.ceil(people / 11_000) - 1) * window
    yield _imported(bench, f"first import v2, {count(people)}, limits per {name}", people, lambda calls: floor, begin,
                    before)
    bench.stop()


def killed_import(bench):
    people = bench.people(200_000, 20_000)
    bench.members(people)
    sim = bench.simulator(*V1)
    daemon = bench.new_daemon()
    chance = random.Random(8)
    for _ in range(10):
        daemon.start()
        time.sleep(chance.uniform(0, 2))
        daemon.process.kill()
    begin = time.monotonic()
    daemon.start()
    bench.await_applied(lambda: people)
    daemon.await_nothing_pending()
    stats = sim.stats()
    yield Result(f"first import v1, {count(people)}, killed ten times", ours=time.monotonic() - begin,
                 calls=stats["calls"], violations=stats["violations"],
                 remark=f"time after the last kill; {count(stats['repeated_people'])} people sent twice")
    bench.stop()
