"""The rows of the table, in the order in which they run: those that need the same state stand together."""

import feed_rows
import import_rows
import read_rows
import room_rows

USUAL = {
    "rooms": room_rows.rooms,
    "import": import_rows.first_import,
    "changes": feed_rows.changes,
    "feed": feed_rows.feed,
    "triggers": feed_rows.triggers,
    "import-v2": import_rows.v2_import,
    "kill": import_rows.killed_import,
    "import-large": import_rows.large_import,
    "poll": read_rows.poll,
    "start": read_rows.start,
    "idle": read_rows.idle,
    "reconcile": read_rows.reconcile,
}
HUGE = {"poll-huge": read_rows.poll_huge}
