"""stibee-syncd with a configuration and a state of its own: the daemon and its commands."""

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import threading
import time

from process import Process, Usage, await_

SECRET = "bench-webhook-secret"

_CONFIG = """\
stibee:
  base_url: https://127.0.0.1:{port}
  api_key_file: api_key
  ca_file: ca.pem
{stibee}database:
  url: {url}
state:
  directory: {state}
admin:
  listen: 127.0.0.1:{admin}
webhook:
  listen: 127.0.0.1:{webhook}
  secret_file: webhook_secret
  allow_from: [127.0.0.1/32]
mirrors:
  - name: members
    list_id: 1234
    source:
      table: public.members
      key: id
      email: email
      subscribed: email_opt_in
      groups: [grade]
      fields: {{name: name, phone: phone}}
    groups: {{gold: 11, silver: 12}}
{mirror}"""


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _secret_file(path, text):
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text + "\n")


class Daemon:
    """Of one state directory; at most one process of it runs. `stibee` and `mirror` are lines of the configuration."""

    def __init__(self, program, directory, url, simulator, stibee=(), mirror=()):
        self.program = program
        self.directory = directory
        self.config = os.path.join(directory, "config.yaml")
        self.state = os.path.join(directory, "state")
        self.log = os.path.join(directory, "daemon.log")
        self.process = None
        self._url = url
        self._admin, self.webhook = _free_port(), _free_port()
        shutil.rmtree(self.state, ignore_errors=True)
        _secret_file(os.path.join(directory, "api_key"), "sim-key")
        _secret_file(os.path.join(directory, "webhook_secret"), SECRET)
        self.configure(simulator, stibee, mirror)

    def configure(self, simulator, stibee=(), mirror=()):
        with open(self.config, "w") as file:
            file.write(_CONFIG.format(port=simulator.port, url=self._url, state=self.state, admin=self._admin,
                                      webhook=self.webhook, stibee="".join(f"  {line}\n" for line in stibee),
                                      mirror="".join(f"    {line}\n" for line in mirror)))

    def _command(self, *words):
        return [self.program, "--config", self.config, *words]

    def start(self, **more):
        self.process = Process(self._command("run"), self.log, **more)
        return self.process

    def start_until_ready(self):
        """Seconds until it says READY to the service manager, for which this stands in."""
        path = os.path.join(self.directory, "notify")
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(600)
            begin = time.monotonic()
            self.start(env={**os.environ, "NOTIFY_SOCKET": path})
            while b"READY=1" not in manager.recv(65536):
                pass
            return time.monotonic() - begin

    def lose_state(self):
        shutil.rmtree(self.state)

    def stop(self):
        if self.process is not None:
            self.process.end()
            self.process = None

    def run(self, *words, good=(0,)):
        """A command of it, to its end, with what it used."""
        return Usage(self._command(*words), good)

    def output(self, *words):
        return subprocess.run(self._command(*words), check=True, capture_output=True, text=True).stdout

    def has_change_feed(self):
        # A program that does not know the command shows the help for all of them, and no error.
        help_ = subprocess.run([self.program, "changefeed", "--help"], capture_output=True, text=True)
        return help_.returncode == 0 and "changefeed" in help_.stdout

    def metric(self, pattern):
        """The sum of all series whose name, with its labels, begins with the pattern; None if there is none."""
        connection = http.client.HTTPConnection("127.0.0.1", self._admin, timeout=60)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except OSError:
            return None  # it does not listen yet, or no more
        finally:
            connection.close()
        values = re.findall(rf"^{pattern}\S* (\S+)$", text, re.MULTILINE)
        return sum(map(float, values)) if values else None

    def reads(self):
        """How many passes over the table have ended, and the seconds that they took in all."""
        return (int(self.metric("stibee_sync_cycle_duration_seconds_count") or 0),
                self.metric("stibee_sync_cycle_duration_seconds_sum") or 0.0)

    def await_reads(self, count, pause=0.5):
        """Asks seldom by default: each answer takes time from what is measured."""
        await_(lambda: self.reads()[0] >= count, pause=pause, process=self.process)

    def await_nothing_pending(self):
        """What was sent is settled, too."""
        await_(lambda: self.metric("stibee_pending{") == 0 and self.metric("stibee_in_flight") == 0, pause=0.2,
               process=self.process)

    def await_event(self, name):
        """Of the process that runs."""
        await_(lambda: f'"event":"{name}"' in self.process.words(), 3600, 0.2, self.process)

    def opt_out(self, email):
        """A webhook as Stibee sends it; seconds until it was answered."""
        body = json.dumps({"id": "1234", "action": "UNSUBSCRIBED", "subscribers": [{"email": email}]})
        begin = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.webhook, timeout=120)
        connection.request("POST", "/webhook/" + SECRET, body, {"Content-Type": "application/json"})
        status = connection.getresponse().status
        connection.close()
        if status != 200:
            raise RuntimeError(f"the webhook was answered {status}")
        return time.monotonic() - begin

    def state_bytes(self):
        return sum(os.path.getsize(os.path.join(self.state, name)) for name in os.listdir(self.state)
                   if os.path.isfile(os.path.join(self.state, name)))


class WalWatch(threading.Thread):
    """The largest that the state's write-ahead log was, looked at twenty times a second."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self._file = os.path.join(daemon.state, "state.sqlite-wal")
        self._over = threading.Event()
        self.peak = 0
        self.start()

    def run(self):
        while not self._over.wait(0.05):
            with contextlib.suppress(FileNotFoundError):
                self.peak = max(self.peak, os.path.getsize(self._file))

    def end(self):
        self._over.set()
        self.join()
        return self.peak


class Unsubscribers(threading.Thread):
    """Somebody opts out at Stibee every two seconds: how long each event waited for its answer, and the loop's
    longest block meanwhile, which a scrape shows and forgets."""

    def __init__(self, daemon, people):
        super().__init__(daemon=True)
        self._daemon, self._people = daemon, people
        self._over = threading.Event()
        self.waits, self.blocks, self.trouble = [], [], None
        self.start()

    def run(self):
        try:
            while not self._over.wait(2):
                # Scattered over the table, nobody twice.
                who = 1 + (len(self.waits) * 7919 + 13) % self._people
                self.waits.append(self._daemon.opt_out(f"member{who}@example.com"))
                self.blocks.append(self._daemon.metric("stibee_loop_longest_block_seconds") or 0)
        except (OSError, RuntimeError, http.client.HTTPException) as trouble:
            self.trouble = trouble

    def end(self):
        self._over.set()
        self.join()
        if self.trouble:
            raise RuntimeError(f"a webhook was not answered: {self.trouble}")
