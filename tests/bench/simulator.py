"""stibee-sim in Stibee's place, watched by its journal: that costs it nothing, while a look at all people would."""

import datetime
import http.client
import json
import os

from process import Process, await_

_people_calls = ("v1.subscribe", "v1.unsubscribe", "v1.delete", "v2.add", "v2.bulk", "v2.update", "v2.unsubscribe")


def time_of(call):
    """When a call of the journal arrived, by the clock on the wall; to the millisecond."""
    return datetime.datetime.fromisoformat(call["time"]).timestamp()


class Simulator:
    def __init__(self, program, directory, *options):
        self.authority = os.path.join(directory, "ca.pem")
        self._port_file = os.path.join(directory, "port")
        log = os.path.join(directory, "sim.log")
        for file in (self._port_file, log):
            if os.path.exists(file):
                os.remove(file)
        self.process = Process(
            [program, "--listen", "127.0.0.1:0", "--control-listen", "127.0.0.1:0", "--write-ca", self.authority,
             "--port-file", self._port_file, "--list", "1234", "--list", "99", "--group", "1234:11:gold", "--group",
             "1234:12:silver", "--group", "99:21:gold", "--group", "99:22:silver", *options], log)
        await_(lambda: os.path.exists(self._port_file) and open(self._port_file).read().strip(), 30,
               process=self.process)
        ready = None

        def announced():
            nonlocal ready
            with open(log) as lines:
                ready = next((json.loads(line) for line in lines if line.startswith('{"event":"ready"')), None)
            return ready is not None

        await_(announced, 30, process=self.process)
        self.port = ready["port"]
        self._control = http.client.HTTPConnection("127.0.0.1", ready["control_port"], timeout=60)
        self._first = 0
        self._done = 0

    def _get(self, path):
        try:
            self._control.request("GET", "/_sim/" + path)
            return json.loads(self._control.getresponse().read())
        except ConnectionError:
            # It ends connections over which nothing is said for a while. The next request opens another one.
            self._control.close()
            self._control.request("GET", "/_sim/" + path)
            return json.loads(self._control.getresponse().read())

    def stats(self):
        return self._get("stats")

    def violations(self):
        return self.stats()["violations"]

    def journal(self, first):
        """Calls from that number on, with the addresses that they name."""
        return self._get(f"journal?from={first}")["calls"]

    def first_call(self):
        """When the first call arrived that names people, by the clock on the wall."""
        calls = self._get("journal?from=0&limit=100&addresses=no")["calls"]
        return time_of(next(call for call in calls if call["people"] > 0))

    def mark(self):
        """From now on `applied` counts anew; the number of the next call."""
        calls = self._get(f"journal?from={self._first}&addresses=no")["calls"]
        self._first = calls[-1]["number"] + 1 if calls else self._first
        self._done = 0
        return self._first

    def applied(self):
        """People whom calls since the mark have named and that were answered well."""
        calls = self._get(f"journal?from={self._first}&addresses=no")["calls"]
        settled = True
        open_ = 0
        for call in calls:
            counts = call["people"] if call["endpoint"] in _people_calls and call["result"] == "ok" else 0
            if settled and call["status"] != 0:
                self._first = call["number"] + 1
                self._done += counts
            else:
                settled = False
                open_ += counts if call["status"] != 0 else 0
        return self._done + open_

    def end(self):
        self._control.close()
        self.process.end()
