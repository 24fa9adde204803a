"""The pure rooms alone, by Google Benchmark."""

import json
import os
import subprocess

from table import Result, not_available


def rooms(bench):
    program = bench.program("rooms_bench")
    if not os.path.exists(program):
        yield not_available("rooms_bench: built only where Google Benchmark is installed")
        return
    shortest = ["--benchmark_min_time=0.02"] if bench.quick else []
    words = subprocess.run([program, "--benchmark_format=json", *shortest], check=True, capture_output=True, text=True)
    for found in json.loads(words.stdout)["benchmarks"]:
        nanoseconds = 1e9 / found["items_per_second"]
        yield Result(f"rooms: {found['name']}", ours=nanoseconds / 1e9, remark=found.get("label", ""))
