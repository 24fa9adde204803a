"""Runs rows and prints a Markdown table; started by scripts/bench, which has PostgreSQL ready (POSTGRES_URL, POSTGRES_DIR)
and removes the directory afterwards.

    bench.py --programs DIR --directory DIR [--quick] [--huge] [--full-v2] [ROW…]"""

import argparse
import datetime
import os
import platform
import signal
import subprocess
import sys
import time

import process
import rows
import table
from cluster import Cluster
from workbench import Workbench


def arguments():
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("--programs", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--directory", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--huge", action="store_true")
    parser.add_argument("--full-v2", action="store_true")
    parser.add_argument("rows", nargs="*", metavar="ROW")
    given = parser.parse_args()
    known = rows.USUAL | rows.HUGE
    for name in given.rows:
        if name not in known:
            parser.exit(64, f"scripts/bench: no row `{name}`; there are {', '.join(known)}\n")
    if not given.rows:
        given.rows = list(rows.USUAL) + (list(rows.HUGE) if given.huge else [])
    return given


def machine(programs):
    with open("/proc/cpuinfo") as text:
        model = next((line.split(":", 1)[1].strip() for line in text if line.startswith("model name")), "unknown CPU")
    with open("/proc/meminfo") as text:
        memory = int(text.readline().split()[1]) * 1024
    version = subprocess.run([os.path.join(programs, "stibee-syncd"), "--version"], capture_output=True, text=True)
    return (f"{datetime.date.today()}, {version.stdout.strip()}, {os.cpu_count()} × {model},"
            f" {table.size(memory)} of memory, Linux {platform.release()}")


def run(bench, names):
    """False if a row failed; the others run all the same."""
    all_well = True
    times = []
    print(table.header(), flush=True)
    for name in names:
        begin = time.monotonic()
        try:
            for result in (rows.USUAL | rows.HUGE)[name](bench):
                print(table.row(result), flush=True)
        except Exception as trouble:  # a row that breaks is shown as such
            all_well = False
            print(table.row(table.Result(name, remark="failed")), flush=True)
            print(f"{name}: {type(trouble).__name__}: {trouble}", file=sys.stderr)
            bench.spend_import()
        times.append(f"{name} {table.seconds(time.monotonic() - begin)}")
    print(f"\nTime taken: {', '.join(times)}.")
    return all_well


def main():
    given = arguments()
    # Python ends at once on SIGTERM, without `finally`, unless it is told otherwise.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    cluster = Cluster(os.environ["POSTGRES_URL"], os.environ["POSTGRES_DIR"])
    bench = Workbench(given.programs, given.directory, cluster, given.quick, given.full_v2)
    print(f"{machine(given.programs)}{', quick: small tables, figures of little worth' if given.quick else ''}\n")
    try:
        return 0 if run(bench, given.rows) else 1
    except KeyboardInterrupt:
        return 130
    finally:
        process.end_all()


if __name__ == "__main__":
    sys.exit(main())
