"""A table that did not change: reading it, starting with it, idling over it. PostgreSQL's bare COPY is the floor."""

import time

from import_rows import count
from table import Result, median, median_ratio, not_available

LARGE, LARGE_QUICK = 1_000_000, 40_000
HUGE, HUGE_QUICK = 10_000_000, 20_000


def _polls(bench, people, polls):
    """The daemon's own figures of its reads; between two blocks of bare COPYs, so that both meet the same machine."""
    floors = [bench.cluster.bare_copy() for _ in range(bench.rounds(5))]
    daemon, process = bench.daemon, bench.daemon.start()
    daemon.await_reads(2)  # the first one also counts everybody
    count_before, sum_before = daemon.reads()
    cpu, database_cpu, written = process.cpu(), bench.cluster.cpu(), process.written()
    daemon.await_reads(count_before + polls)
    count_after, sum_after = daemon.reads()
    done = count_after - count_before
    result = Result(f"poll, {count(people)} unchanged", ours=(sum_after - sum_before) / done,
                    cpu=(process.cpu() - cpu) / done, database_cpu=(bench.cluster.cpu() - database_cpu) / done,
                    written=process.written() - written, peak=process.peak(), remark=f"mean of {done}; bytes of all")
    bench.stop()
    floors += [bench.cluster.bare_copy() for _ in range(bench.rounds(5))]
    result.floor = median(floors)
    return result


def poll(bench):
    people = bench.people(LARGE, LARGE_QUICK)
    bench.imported(people)
    bench.configure("poll_interval: 2s")
    yield _polls(bench, people, 3 if bench.quick else 12)


def poll_huge(bench):
    people = bench.people(HUGE, HUGE_QUICK)
    bench.imported(people)
    if bench.preparation:
        yield bench.preparation
    bench.configure("poll_interval: 30s")
    yield _polls(bench, people, 1 if bench.quick else 3)
    bench.spend_import()


def start(bench):
    people = bench.people(LARGE, LARGE_QUICK)
    daemon = bench.imported(people)
    bench.configure("poll_interval: 1h")
    floors, syncs = [], []
    for _ in range(bench.rounds(5)):
        floors.append(bench.cluster.bare_copy())
        syncs.append(daemon.run("sync"))
    ours = [sync.seconds for sync in syncs]
    yield Result(f"`sync`, {count(people)} unchanged", median(floors), median(ours), median_ratio(ours, floors),
                 cpu=median(sync.cpu for sync in syncs), peak=max(sync.peak for sync in syncs),
                 written=median(sync.written for sync in syncs), remark=f"{len(ours)} pairs")

    floors, readies, reads, cpus, peaks = [], [], [], [], []
    for _ in range(bench.rounds(5)):
        floors.append(bench.cluster.bare_copy())
        readies.append(daemon.start_until_ready())
        daemon.await_reads(1, pause=0.02)
        reads.append(time.monotonic() - daemon.process.started)
        cpus.append(daemon.process.cpu())
        peaks.append(daemon.process.peak())
        bench.stop()
    yield Result(f"start after a clean stop, {count(people)}: to READY", ours=median(readies))
    yield Result(f"start after a clean stop, {count(people)}: to the first finished read", median(floors), median(reads),
                 median_ratio(reads, floors), cpu=median(cpus), peak=max(peaks), remark=f"{len(reads)} pairs")
    daemon.start_until_ready()
    daemon.process.kill()
    yield Result(f"start after a kill, {count(people)}: to READY", ours=daemon.start_until_ready(),
                 remark="the state is read through")
    bench.stop()


def reconcile(bench):
    """Of interest is the memory: the list comes by the page, as fast as the simulator gives it."""
    people = bench.people(LARGE, LARGE_QUICK)
    daemon = bench.imported(people)
    bench.configure("poll_interval: 1h")
    before = bench.sim.stats()["calls"]
    # 2: whoever opted out by a webhook of ours is subscribed in the simulator.
    compared = daemon.run("reconcile", good=(0, 2))
    calls = bench.sim.stats()["calls"]
    yield Result(f"`reconcile`, {count(people)}", ours=compared.seconds, cpu=compared.cpu, peak=compared.peak,
                 written=compared.written, calls=calls - before)
    daemon.lose_state()
    process = daemon.start()
    daemon.await_event("reconcile.finished")
    daemon.await_nothing_pending()
    yield Result(f"a lost state rebuilt, {count(people)}", ours=time.monotonic() - process.started, cpu=process.cpu(),
                 peak=process.peak(), written=process.written(), people=people, calls=bench.sim.stats()["calls"] - calls)
    bench.stop()
    bench.spend_import()


def _idle_pause(bench):
    return 5 if bench.quick else 60


def _alone(bench):
    """What the server's own processes use when nobody asks it anything: of its share beside a daemon, so much is not
    the daemon's."""
    before = bench.cluster.cpu()
    time.sleep(_idle_pause(bench))
    return Result(f"{_idle_pause(bench)} s of idling, PostgreSQL alone", database_cpu=bench.cluster.cpu() - before,
                  remark="no daemon runs")


def _idled(bench, work):
    daemon, process = bench.daemon, bench.daemon.start()
    daemon.await_reads(1)
    time.sleep(1 if bench.quick else 5)
    cpu, database_cpu, written = process.cpu(), bench.cluster.cpu(), process.written()
    reads = daemon.reads()[0]
    pause = _idle_pause(bench)
    time.sleep(pause)
    result = Result(f"{pause} s of idling, {work}", cpu=process.cpu() - cpu,
                    database_cpu=bench.cluster.cpu() - database_cpu, written=process.written() - written,
                    peak=process.peak(), remark=f"{daemon.reads()[0] - reads} full reads meanwhile")
    bench.stop()
    return result


def idle(bench):
    people = bench.people(LARGE, LARGE_QUICK)
    daemon = bench.imported(people)
    bench.configure("poll_interval: 15s" if not bench.quick else "poll_interval: 1s")
    yield _alone(bench)
    yield _idled(bench, f"{count(people)}, a read every {'1 s' if bench.quick else '15 s'}")
    work = f"{count(people)}, change feed"
    if not daemon.has_change_feed():
        yield not_available(work)
        return
    with bench.feed():
        yield _idled(bench, work)
