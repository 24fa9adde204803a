"""A program of ours that runs: what it has used until now, and at its end."""

import contextlib
import os
import signal
import subprocess
import time

# Whatever is started ends with us, also when we are killed half-way through a row.
_running = []


def cpu_of(pid):
    """CPU seconds of all threads of a process until now. /proc counts in hundredths, too coarse for what idles."""
    process_clock = 2  # CPUCLOCK_SCHED of the process, as glibc's clock_getcpuclockid makes it
    return time.clock_gettime((~pid << 3) | process_clock)


class Process:
    def __init__(self, command, log, **more):
        self._log = open(log, "ab")
        self._log_begins = self._log.tell()
        self.log = log
        self.started, self.started_at = time.monotonic(), time.time()
        self._child = subprocess.Popen(command, stdout=self._log, stderr=self._log, **more)
        self.pid = self._child.pid
        _running.append(self)

    def cpu(self):
        return cpu_of(self.pid)

    def peak(self):
        """The most bytes that were resident."""
        with open(f"/proc/{self.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))

    def written(self):
        """Bytes that it caused to be written to a disk."""
        with open(f"/proc/{self.pid}/io") as figures:
            return next(int(line.split()[1]) for line in figures if line.startswith("write_bytes"))

    def lives(self):
        return self._child.poll() is None

    def end(self):
        if self in _running:
            _running.remove(self)
        if self.lives():
            self._child.send_signal(signal.SIGTERM)
            try:
                self._child.wait(60)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._log.close()

    def kill(self):
        """As a machine that loses its power would."""
        self._child.kill()
        self._child.wait()
        self.end()

    def words(self):
        """What it has said so far."""
        with open(self.log, "rb") as log:
            log.seek(self._log_begins)
            return log.read().decode(errors="replace")

    def last_words(self):
        return "\n".join(self.words().splitlines()[-5:])


def end_all():
    for process in list(_running):
        with contextlib.suppress(Exception):
            process.end()


class Usage:
    """Of a command that ran to its end."""

    def __init__(self, command, good=(0,)):
        begin = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            words = child.stderr.read()
            _, status, used = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        child.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - begin
        self.cpu = used.ru_utime + used.ru_stime
        self.peak = used.ru_maxrss * 1024
        self.written = used.ru_oublock * 512
        if child.returncode not in good:
            raise RuntimeError(f"{' '.join(command)}: exit code {child.returncode}: {words.decode(errors='replace')}")


def await_(condition, patience=600, pause=0.01, process=None):
    """Waits until the condition holds."""
    end = time.monotonic() + patience
    while not condition():
        if process is not None and not process.lives():
            raise RuntimeError(f"a program ended too early:\n{process.last_words()}")
        if time.monotonic() > end:
            words = process.last_words() if process is not None else ""
            raise RuntimeError(f"nothing came of it within {patience} s\n{words}")
        time.sleep(pause)
