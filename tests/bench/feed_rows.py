"""Changes: how soon they are on the wire, and what the triggers cost those who write."""

import http.client
import json
import os
import random
import re
import ssl
import subprocess
import sys
import time

from cluster import Connection
from import_rows import count
from process import Usage, await_
from simulator import time_of
from table import Result, median, median_ratio, not_available, percentile, seconds

PEOPLE, PEOPLE_QUICK = 100_000, 10_000
# Apart, so that no round sees a person twice.
_names, _opt_outs, _new = 50, 30, 20
_changed = _names + _opt_outs + _new


def _change(bench, number):
    """A hundred people in one transaction; three calls: new values, opt-outs, new people in a group."""
    first, new = 1 + 100 * number, 20_000_000 + 100 * number
    bench.cluster.run(
        f"BEGIN; UPDATE members SET name = 'changed {number}' WHERE id >= {first} AND id < {first + _names};"
        f"UPDATE members SET email_opt_in = false WHERE id >= {first + _names} AND id < {first + _names + _opt_outs};"
        "INSERT INTO members SELECT i, 'member' || i || '@example.com', true, 'new', '010', 'gold'"
        f" FROM generate_series({new + 1}, {new + _new}) i; COMMIT")


def _bare_calls(bench):
    """Seconds that three such calls take, one after the other on a connection that is open already."""
    stibee = http.client.HTTPSConnection("127.0.0.1", bench.sim.port,
                                         context=ssl.create_default_context(cafile=bench.sim.authority))
    stibee.connect()
    begin = time.monotonic()
    for people in (_names, _opt_outs, _new):
        body = {"eventOccurredBy": "MANUAL", "confirmEmailYN": "N",
                "subscribers": [{"email": f"floor{i}@example.com", "name": "floor", "phone": ""} for i in range(people)]}
        stibee.request("POST", "/v1/lists/99/subscribers", json.dumps(body),
                       {"AccessToken": "sim-key", "Content-Type": "application/json"})
        stibee.getresponse().read()
    took = time.monotonic() - begin
    stibee.close()
    return took


def _rival(bench):
    command = [sys.executable, os.path.join(os.path.dirname(__file__), "rival.py"), bench.cluster.url,
               str(bench.sim.port), bench.sim.authority, os.path.join(bench.directory, "rival-changes.state")]
    Usage(command)
    _change(bench, 0)
    mark = bench.sim.mark()
    used = Usage(command)
    return Result(f"100 changes among {count(bench.people(PEOPLE, PEOPLE_QUICK))}: a Python script", ours=used.seconds,
                  cpu=used.cpu, peak=used.peak, calls=len(bench.sim.journal(mark)),
                  remark="a stand-in for a rival, started for it")


def _rounds(bench, work, numbers):
    """From the commit until all hundred have arrived; the costs are those of a round."""
    daemon, process = bench.daemon, bench.daemon.start()
    daemon.await_reads(1, pause=0.1)
    daemon.await_nothing_pending()
    took, calls = [], []
    cpu, database_cpu, written = process.cpu(), bench.cluster.cpu(), process.written()
    for number in numbers:
        time.sleep(random.uniform(0.5, 0.8))  # anywhere between two polls
        mark = bench.sim.mark()
        _change(bench, number)
        begin = time.monotonic()
        await_(lambda: bench.sim.applied() >= _changed, 60, 0.002, process)
        took.append(time.monotonic() - begin)
        calls.append(len(bench.sim.journal(mark)))
    daemon.await_nothing_pending()
    rounds = len(took)
    result = Result(work, median(_bare_calls(bench) for _ in range(rounds)), median(took),
                    cpu=(process.cpu() - cpu) / rounds, database_cpu=(bench.cluster.cpu() - database_cpu) / rounds,
                    written=(process.written() - written) // rounds, peak=process.peak(), calls=round(median(calls)),
                    violations=bench.sim.violations(), remark=f"median of {rounds}, idling between them included")
    bench.stop()
    return result


def changes(bench):
    people = bench.people(PEOPLE, PEOPLE_QUICK)
    bench.imported(people)
    bench.spend_import()
    yield _rival(bench)
    rounds = bench.rounds(7)
    bench.configure("poll_interval: 200ms")
    yield _rounds(bench, f"100 changes among {count(people)}, a poll every 200 ms", range(1, 1 + rounds))
    work = f"100 changes among {count(people)}, change feed"
    if not bench.daemon.has_change_feed():
        yield not_available(work)
        return
    with bench.feed():
        yield _rounds(bench, work, range(20, 20 + rounds))


def _notify_latencies(bench, samples):
    """From the answer to a commit until the notification that it carries is seen on another connection."""
    listener = Connection(bench.cluster.url)
    listener.run("LISTEN bench")
    latencies = []
    for number in range(samples):
        bench.cluster.run(f"BEGIN; UPDATE members SET name = 'floor {number}' WHERE id = {number + 1}; NOTIFY bench; COMMIT")
        begin = time.monotonic()
        if not listener.await_notification(5):
            raise RuntimeError("no notification came")
        latencies.append(time.monotonic() - begin)
    listener.close()
    return latencies


def _arrivals(bench, mark):
    return {address: time_of(call) for call in bench.sim.journal(mark) for address in call["addresses"]}


def feed(bench):
    people, samples = bench.people(PEOPLE, PEOPLE_QUICK), 20 if bench.quick else 200
    bench.imported(people)
    bench.spend_import()
    floors = _notify_latencies(bench, samples)
    if not bench.daemon.has_change_feed():
        yield Result("commit → request on the wire, change feed", median(floors),
                     remark=f"not available; floor: NOTIFY alone, p99 {seconds(percentile(floors, 99))}")
        return
    with bench.feed():
        daemon = bench.daemon
        daemon.start()
        daemon.await_reads(1)
        daemon.await_nothing_pending()
        mark = bench.sim.mark()
        committed = {}
        for number in range(samples):
            time.sleep(random.uniform(0.1, 0.5))
            who = people // 2 + number
            bench.cluster.run(f"UPDATE members SET name = 'sample {number}' WHERE id = {who}")
            committed[f"member{who}@example.com"] = time.time()
        await_(lambda: bench.sim.applied() >= samples, 60, 0.1, daemon.process)
        arrived = _arrivals(bench, mark)
        latencies = [arrived[address] - begin for address, begin in committed.items()]
        process = daemon.process
        for percent in (50, 99):
            yield Result(f"commit → request on the wire, change feed, p{percent}", percentile(floors, percent),
                         max(0.0, percentile(latencies, percent)), peak=process.peak(), calls=len(arrived),
                         violations=bench.sim.violations(), remark=f"{samples} commits; floor: NOTIFY alone")
        bench.stop()


def _transactions_a_second(bench, clients):
    script = os.path.join(bench.directory, "update.sql")
    with open(script, "w") as file:
        file.write(f"\\set id random(1, {bench.people(PEOPLE, PEOPLE_QUICK)})\n"
                   "UPDATE members SET name = 'n' || :id || ' ' || clock_timestamp() WHERE id = :id;\n")
    words = subprocess.run(["pgbench", "-n", "-f", script, "-c", str(clients), "-j", "1", "-M", "prepared", "-T",
                            "2" if bench.quick else "5", bench.cluster.url], check=True, capture_output=True,
                           text=True).stdout
    return float(re.search(r"^tps = ([0-9.]+)", words, re.MULTILINE).group(1))


def triggers(bench):
    """Pairs, one right after the other, since the same run repeated spreads widely."""
    people = bench.people(PEOPLE, PEOPLE_QUICK)
    work = "one UPDATE by {} with the feed's triggers, {}"
    bench.imported(people)
    if not bench.daemon.has_change_feed():
        yield not_available("one UPDATE with the feed's triggers")
        return
    bench.spend_import()
    for clients in (1, 8):
        bare, nobody, drained = [], [], []
        for _ in range(bench.rounds(3)):
            bench.cluster.settle()
            bare.append(1 / _transactions_a_second(bench, clients))
            with bench.feed("guard: {max_update_percent: 100}"):
                nobody.append(1 / _transactions_a_second(bench, clients))
                bench.daemon.start()
                bench.daemon.await_reads(1)
                drained.append(1 / _transactions_a_second(bench, clients))
                bench.stop()
        who = "1 client" if clients == 1 else f"{clients} clients"
        remark = f"{len(bare)} pairs of pgbench; seconds a transaction"
        yield Result(work.format(who, "no daemon"), median(bare), median(nobody), median_ratio(nobody, bare), remark=remark)
        yield Result(work.format(who, "the daemon draining"), median(bare), median(drained), median_ratio(drained, bare),
                     remark=remark)
