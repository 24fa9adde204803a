"""The throw-away PostgreSQL that scripts/bench has started: connections by libpq (a client program for each statement
would cost more than what is measured), the member table, the bare COPY, and the CPU time of the server."""

import ctypes
import os
import select
import subprocess
import time

from process import cpu_of

COPY = "COPY (SELECT id, email, email_opt_in, grade, name, phone FROM members ORDER BY id) TO STDOUT"

_pq = ctypes.CDLL("libpq.so.5")
for _name, _result, _arguments in [
        ("PQconnectdb", ctypes.c_void_p, [ctypes.c_char_p]), ("PQstatus", ctypes.c_int, [ctypes.c_void_p]),
        ("PQexec", ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p]),
        ("PQresultStatus", ctypes.c_int, [ctypes.c_void_p]), ("PQntuples", ctypes.c_int, [ctypes.c_void_p]),
        ("PQgetvalue", ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]),
        ("PQclear", None, [ctypes.c_void_p]), ("PQerrorMessage", ctypes.c_char_p, [ctypes.c_void_p]),
        ("PQsocket", ctypes.c_int, [ctypes.c_void_p]), ("PQconsumeInput", ctypes.c_int, [ctypes.c_void_p]),
        ("PQnotifies", ctypes.c_void_p, [ctypes.c_void_p]), ("PQfreemem", None, [ctypes.c_void_p]),
        ("PQfinish", None, [ctypes.c_void_p])]:
    getattr(_pq, _name).restype = _result
    getattr(_pq, _name).argtypes = _arguments
_COMMAND_OK, _TUPLES_OK = 1, 2


class Connection:
    def __init__(self, url):
        self._connection = _pq.PQconnectdb(url.encode())
        if _pq.PQstatus(self._connection) != 0:
            raise RuntimeError(self._trouble())

    def run(self, statement):
        """The first column of the answer."""
        result = _pq.PQexec(self._connection, statement.encode())
        try:
            if _pq.PQresultStatus(result) not in (_COMMAND_OK, _TUPLES_OK):
                raise RuntimeError(self._trouble())
            return [_pq.PQgetvalue(result, row, 0).decode() for row in range(_pq.PQntuples(result))]
        finally:
            _pq.PQclear(result)

    def await_notification(self, patience):
        """Whether one came within so many seconds."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            _pq.PQconsumeInput(self._connection)
            note = _pq.PQnotifies(self._connection)
            if note:
                _pq.PQfreemem(note)
                return True
            select.select([_pq.PQsocket(self._connection)], [], [], max(0, end - time.monotonic()))
        return False

    def close(self):
        _pq.PQfinish(self._connection)

    def _trouble(self):
        return _pq.PQerrorMessage(self._connection).decode().strip()


class Cluster:
    def __init__(self, url, directory):
        self.url = url
        self._postmaster = int(open(os.path.join(directory, "data", "postmaster.pid")).readline())
        self._connection = Connection(url)
        self._connection.run("SET client_min_messages = warning")

    def run(self, statement):
        return self._connection.run(statement)

    def script(self, text):
        """Runs SQL that a program has printed, as its reader would."""
        subprocess.run(["psql", self.url, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "-"], input=text, text=True,
                       check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "PGOPTIONS": "-c client_min_messages=warning"})

    def make_members(self, people, groups=True):
        """A new table; a quarter of the people are gold and a quarter silver."""
        grade = "CASE i % 4 WHEN 0 THEN 'gold' WHEN 1 THEN 'silver' END" if groups else "NULL"
        self.run("DROP TABLE IF EXISTS members CASCADE")
        self.run("CREATE TABLE members (id bigint PRIMARY KEY, email text NOT NULL, email_opt_in boolean NOT NULL"
                 " DEFAULT true, name text, phone text, grade text)")
        self.run("INSERT INTO members SELECT i, 'member' || i || '@example.com', true, '회원 ' || i,"
                 f" '010-' || lpad((i % 10000)::text, 4, '0') || '-0000', {grade}"
                 f" FROM generate_series(1, {people}) i")
        self.settle()

    def settle(self):
        """Leaves the server nothing to do behind the back of what is measured."""
        self.run("VACUUM (FREEZE, ANALYZE) members")
        self.run("CHECKPOINT")

    def bare_copy(self):
        """Seconds that PostgreSQL's own client takes to fetch the whole table in the daemon's order."""
        begin = time.monotonic()
        subprocess.run(["psql", self.url, "-X", "-q", "-c", COPY], stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - begin

    def cpu(self):
        """CPU seconds of the server until now: its living processes and those that have ended."""
        used = 0.0
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open(f"/proc/{name}/stat") as stat:
                    fields = stat.read().rpartition(")")[2].split()
                ours = self._postmaster in (int(name), int(fields[1]))
                if ours:
                    used += cpu_of(int(name))
            except OSError:
                continue  # it has ended just now
            if int(name) == self._postmaster:
                used += sum(int(field) for field in fields[13:15]) / os.sysconf("SC_CLK_TCK")
        return used
