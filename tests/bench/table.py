"""What a row found, and how it is printed: one line of a Markdown table a result. Pure; tested by table_test.py."""

import dataclasses
import math
import statistics


@dataclasses.dataclass
class Result:
    """Seconds, bytes and counts as measured; None where a row has no such figure."""

    work: str
    floor: float | None = None  # seconds, measured or calculated in the same run
    ours: float | None = None  # seconds
    ratio: float | None = None  # where it is not ours / floor: the median of the ratios of pairs, say
    cpu: float | None = None
    database_cpu: float | None = None
    peak: int | None = None  # bytes resident
    written: int | None = None  # bytes to disk, without the database's
    people: int | None = None  # whom `written` is spread over
    calls: int | None = None
    violations: int | None = None  # of Stibee's limits
    remark: str = ""

    def quotient(self):
        if self.ratio is not None:
            return self.ratio
        if self.floor and self.ours is not None:
            return self.ours / self.floor
        return None


def not_available(work):
    """What the program that runs cannot do."""
    return Result(work, remark="not available")


def median(values):
    return statistics.median(values)


def percentile(values, percent):
    """The smallest value that at least `percent` % of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median_ratio(ours, floors):
    """Of pairs taken one right after the other: what slows the machine for a while slows both."""
    return median([a / b for a, b in zip(ours, floors, strict=True)])


def scaled(value, units):
    """With three significant digits, in the first of the `units` (name, size) in which it is at least 1."""
    name, size = next((unit for unit in units if value >= unit[1]), units[-1])
    number = value / size
    digits = 0 if number >= 100 else 1 if number >= 10 else 2
    return f"{number:.{digits}f} {name}"


def seconds(value):
    if value is None:
        return "–"
    if value >= 300:
        return f"{value / 60:.2f} min"
    return scaled(value, [("s", 1), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9)])


def size(value):
    if value is None:
        return "–"
    return scaled(value, [("GB", 10**9), ("MB", 10**6), ("KB", 1000), ("B", 1)])


def plain(value, form="{}"):
    return "–" if value is None else form.format(value)


HEADER = ["work", "floor", "ours", "ratio", "CPU s", "of PostgreSQL", "peak", "written", "calls", "violations", "remarks"]


def cells(result):
    written = size(result.written)
    if result.written and result.people:
        written += f" ({size(result.written / result.people)} each)"
    return [result.work, seconds(result.floor), seconds(result.ours), plain(result.quotient(), "{:.2f}"),
            plain(result.cpu, "{:.2f}"), plain(result.database_cpu, "{:.2f}"), size(result.peak), written,
            plain(result.calls), plain(result.violations), result.remark]


def line(texts):
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


def header():
    return line(HEADER) + "\n|" + "---|" * len(HEADER)


def row(result):
    return line(cells(result))
