"""What the rows share: the programs, the table, one simulator, one daemon, and a state that was imported before."""

import contextlib
import os
import time

from daemon import Daemon
from process import await_
from simulator import Simulator
from table import Result, size

# No limit of Stibee's slows what only prepares a measurement.
UNLIMITED = ("--rate", "1000/s", "--v2-list-rate", "1000/s")
_unlimited_settings = ("rate_limit: 1000/s", "rate_limits: {list: 1000/s}")


class Workbench:
    def __init__(self, programs, directory, cluster, quick, full_v2):
        self.programs, self.directory, self.cluster = programs, directory, cluster
        self.quick, self.full_v2 = quick, full_v2
        self.sim = None
        self.daemon = None
        self._imported = None

    def people(self, usual, quick):
        return quick if self.quick else usual

    def rounds(self, usual):
        return 2 if self.quick else usual

    def program(self, name):
        return os.path.join(self.programs, name)

    def members(self, people, groups=True):
        self._imported = None
        self.stop()
        self.cluster.make_members(people, groups)

    def simulator(self, *options):
        self._imported = None
        if self.sim is not None:
            self.sim.end()
        self.sim = Simulator(self.program("stibee-sim"), self.directory, *options)
        return self.sim

    def new_daemon(self, stibee=(), mirror=()):
        """With an empty state; not started yet."""
        self._imported = None
        self.stop()
        self.daemon = Daemon(self.program("stibee-syncd"), self.directory, self.cluster.url, self.sim, stibee, mirror)
        return self.daemon

    def stop(self):
        if self.daemon is not None:
            self.daemon.stop()

    def imported(self, people):
        """A daemon, stopped, whose state and list agree with a table of so many people; from an earlier row if that
        one left it so; `preparation` says what it took otherwise."""
        self.preparation = None
        if self._imported != people:
            self.members(people)
            self.simulator(*UNLIMITED)
            daemon = self.new_daemon(_unlimited_settings)
            process = daemon.start()
            self.await_applied(lambda: people)
            daemon.await_nothing_pending()
            self.preparation = Result(f"first import v1, {people:,}, 1,000 calls/s", ours=time.monotonic() - process.started,
                                      cpu=process.cpu(), peak=process.peak(), written=process.written(), people=people,
                                      remark=f"state {size(daemon.state_bytes())}")
            self.stop()
            self.cluster.settle()
            self.keep_import(people)
        self.stop()
        return self.daemon

    def keep_import(self, people):
        """The state of now agrees with the table, and the rows to come may have it."""
        self._imported = people

    def spend_import(self):
        """The table changes now: rows to come begin anew."""
        self._imported = None

    def configure(self, *mirror):
        """Before the next start."""
        self.daemon.configure(self.sim, _unlimited_settings, mirror)

    def await_applied(self, people):
        """`people` is a function: it may change meanwhile. Of many people it does not matter to the hundredth second
        when the last arrives, but how often the simulator is asked."""
        pause = 0.01 if people() <= 100_000 else 0.05
        await_(lambda: self.sim.applied() >= people(), 7200, pause, self.daemon.process)

    @contextlib.contextmanager
    def feed(self, *mirror):
        """The change feed is installed and configured for as long as this lasts, as the table's owner would do it."""
        self.configure("detect: changefeed", "full_scan_interval: 1h", *mirror)
        self.cluster.script(self.daemon.output("changefeed", "sql"))
        try:
            yield
        finally:
            self.stop()
            self.cluster.script(self.daemon.output("changefeed", "sql", "--remove"))

    def end(self):
        self.stop()
        if self.sim is not None:
            self.sim.end()
