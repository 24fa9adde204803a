#include "store/schema.hpp"

#include <string>

namespace stibee_sync::store {
namespace {

// Times are milliseconds since 1970 in UTC. `key` has no type, so that integer and text keys keep their
// order.
constexpr MigrationStep steps[] = {{1, R"sql(
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE mirror (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL,
  list_id INTEGER NOT NULL,
  paused INTEGER NOT NULL DEFAULT 0,
  generation INTEGER NOT NULL DEFAULT 0,  -- counts the reads that were applied
  last_good_rows INTEGER,
  last_rows INTEGER NOT NULL DEFAULT 0,
  non_null TEXT NOT NULL DEFAULT '',
  mapping TEXT NOT NULL DEFAULT '',
  server_identity TEXT NOT NULL DEFAULT '',
  last_success INTEGER,
  rejected TEXT NOT NULL DEFAULT '',
  duplicates INTEGER NOT NULL DEFAULT 0,
  UNIQUE (name, list_id)
);

-- The snapshot: what the source said at the last complete read.
CREATE TABLE member (
  mirror INTEGER NOT NULL,
  key NOT NULL,
  fingerprint BLOB NOT NULL,
  email TEXT,                   -- NULL: the row has no usable address
  subscribed INTEGER NOT NULL,
  shadowed INTEGER NOT NULL,    -- staged at every read: shares its address, or its values are needed
  rejection TEXT,
  rejected_column TEXT,
  PRIMARY KEY (mirror, key)
) WITHOUT ROWID;
CREATE INDEX member_rejected ON member (mirror, rejection) WHERE rejection IS NOT NULL;
CREATE INDEX member_shadowed ON member (mirror, email) WHERE shadowed = 1;

-- Which rows bear an address: an index of `member` that is kept by hand, so that a first import of a million
-- rows can fill it in its own order.
CREATE TABLE member_address (
  mirror INTEGER NOT NULL,
  email TEXT NOT NULL,
  key NOT NULL,
  PRIMARY KEY (mirror, email, key)
) WITHOUT ROWID;

-- Addresses that a decision was applied to though a row that it rests on is held back.
CREATE TABLE touched_address (
  mirror INTEGER NOT NULL,
  email TEXT NOT NULL,
  PRIMARY KEY (mirror, email)
) WITHOUT ROWID;

-- The ledger: what is wanted and what is confirmed at Stibee. Rows with a lane are the outbound queue.
CREATE TABLE subscriber (
  mirror INTEGER NOT NULL,
  email TEXT NOT NULL,
  intent INTEGER NOT NULL,            -- 0 subscribed, 1 unsubscribed, 2 absent
  wanted_fields BLOB NOT NULL,
  wanted_ad_agreed INTEGER,
  wanted_groups TEXT,
  consented_at INTEGER,
  opted_in_at INTEGER,
  left_at INTEGER,
  status INTEGER NOT NULL,            -- 0 unknown, 1 subscribed, 2 unsubscribed, 3 opted_out, 4 auto_deleted,
  since INTEGER,                      --   5 purged, 6 ready
  confirmed_fields BLOB,
  confirmed_ad_agreed INTEGER,
  confirmed_groups TEXT,
  maybe_groups TEXT,                  -- may have been assigned: released once they are not wanted
  maybe_subscribed INTEGER NOT NULL,
  field_values TEXT,                  -- only while something is to be sent
  member_key,
  lane INTEGER,                       -- 0 optout, 1 delete, 2 upsert; NULL: not in the queue
  shape TEXT,
  due INTEGER,
  pending_since INTEGER,
  retried INTEGER NOT NULL,           -- attempts > 0
  attempts INTEGER NOT NULL,
  not_before INTEGER,
  batch_limit INTEGER NOT NULL,
  in_doubt INTEGER NOT NULL,          -- a call may have been applied whose answer is not known
  error TEXT,
  message TEXT,
  parked TEXT,                        -- reason
  parked_since INTEGER,
  parked_by_rule INTEGER NOT NULL,
  lacks_values INTEGER NOT NULL,      -- to be sent as soon as a read has supplied the values
  PRIMARY KEY (mirror, email)
) WITHOUT ROWID;
CREATE INDEX queue ON subscriber (mirror, lane, shape, retried, due, email, batch_limit) WHERE lane IS NOT NULL;
CREATE INDEX retried ON subscriber (mirror, lane, pending_since) WHERE lane IS NOT NULL AND retried = 1;
CREATE INDEX parked ON subscriber (mirror, parked) WHERE parked IS NOT NULL;

-- People who are gone from the source and settled, but known at Stibee: a keyed hash is all that is kept.
CREATE TABLE trace (
  mirror INTEGER NOT NULL,
  person_hash BLOB NOT NULL,
  status INTEGER NOT NULL,
  since INTEGER,
  groups TEXT NOT NULL,         -- that the person may be in: released if they come back to others
  PRIMARY KEY (mirror, person_hash)
) WITHOUT ROWID;

CREATE TABLE hold (
  mirror INTEGER NOT NULL,
  change_class TEXT NOT NULL,
  count INTEGER NOT NULL,
  of INTEGER NOT NULL,
  digest TEXT NOT NULL,
  why TEXT NOT NULL,
  refs TEXT NOT NULL,
  since INTEGER NOT NULL,
  PRIMARY KEY (mirror, change_class)
) WITHOUT ROWID;

CREATE TABLE approval (
  mirror INTEGER NOT NULL,
  digest TEXT NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (mirror, digest)
) WITHOUT ROWID;

-- A ring of the last attempts of each limiter.
CREATE TABLE limiter_attempt (
  limiter_class TEXT NOT NULL,
  slot INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  since_boot_ns INTEGER NOT NULL,
  PRIMARY KEY (limiter_class, slot)
) WITHOUT ROWID;

-- Claims whose answer is not settled yet: after a crash nobody knows whether those calls were applied.
CREATE TABLE in_flight (id INTEGER PRIMARY KEY, mirror INTEGER NOT NULL, people TEXT NOT NULL);

-- For a human with the sqlite3 shell.
CREATE VIEW people AS
SELECT m.name AS mirror, s.email,
  CASE s.intent WHEN 0 THEN 'subscribed' WHEN 1 THEN 'unsubscribed' ELSE 'absent' END AS wanted,
  CASE s.status WHEN 0 THEN 'unknown' WHEN 1 THEN 'subscribed' WHEN 2 THEN 'unsubscribed' WHEN 3 THEN 'opted_out'
    WHEN 4 THEN 'auto_deleted' WHEN 5 THEN 'purged' ELSE 'ready' END AS confirmed,
  CASE s.lane WHEN 0 THEN 'optout' WHEN 1 THEN 'delete' WHEN 2 THEN 'upsert' END AS lane,
  s.shape, datetime(s.due / 1000, 'unixepoch') AS due, s.attempts, s.error, s.parked, s.message
FROM subscriber s JOIN mirror m ON m.id = s.mirror;
)sql"},
                                   {2, R"sql(
-- What Stibee shows: when the list was first taken over, and last compared.
ALTER TABLE mirror ADD COLUMN adopted INTEGER;
ALTER TABLE mirror ADD COLUMN reconciled INTEGER;
-- A state that has sent people knows what it did.
UPDATE mirror SET adopted = coalesce(last_success, CAST(strftime('%s', 'now') AS INTEGER) * 1000)
WHERE EXISTS (SELECT 1 FROM subscriber s WHERE s.mirror = mirror.id);

-- Grows with each touch from outside a read, so that a read clears only those that it saw.
ALTER TABLE touched_address ADD COLUMN number INTEGER NOT NULL DEFAULT 0;

-- The opt-outs on record, by list: what suppressions.sqlite says is active, up to the number in `meta`.
CREATE TABLE suppression (
  list_id INTEGER NOT NULL,
  person_hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (list_id, person_hash)
) WITHOUT ROWID;

-- Statements to be run in the member database; gone once they are.
CREATE TABLE writeback (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  mirror INTEGER NOT NULL,
  email TEXT NOT NULL,
  member_key,
  event TEXT NOT NULL,
  occurred_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  occurred_at INTEGER NOT NULL,
  fields TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL
);
CREATE INDEX writeback_person ON writeback (mirror, email, id);
)sql"},
                                   {3, R"sql(
-- Consent follows the member, and doubt stays until it is settled.
ALTER TABLE subscriber ADD COLUMN silenced INTEGER NOT NULL DEFAULT 0;  -- absent, and not to be kept
ALTER TABLE subscriber ADD COLUMN renewed INTEGER;       -- the time of the opt-out that a consent overcomes
ALTER TABLE subscriber ADD COLUMN owes_no INTEGER NOT NULL DEFAULT 0;   -- the table's newer no is to be sent
ALTER TABLE subscriber ADD COLUMN repeat_at INTEGER;     -- the no is to be said once more
ALTER TABLE subscriber ADD COLUMN consent_then INTEGER;  -- that the table showed when the opt-out was learnt
ALTER TABLE subscriber ADD COLUMN moved_to TEXT;         -- the address that Stibee has instead
ALTER TABLE subscriber ADD COLUMN optout_called INTEGER; -- when calls went out: their echoes may still come
ALTER TABLE subscriber ADD COLUMN delete_called INTEGER;
ALTER TABLE subscriber ADD COLUMN upsert_called INTEGER;
ALTER TABLE subscriber ADD COLUMN resubscribe_called INTEGER;
ALTER TABLE subscriber ADD COLUMN no_is_ours INTEGER NOT NULL DEFAULT 0;  -- by a write-back
CREATE INDEX moved ON subscriber (mirror, moved_to) WHERE moved_to IS NOT NULL;
ALTER TABLE trace ADD COLUMN optout_called INTEGER;
ALTER TABLE trace ADD COLUMN delete_called INTEGER;
ALTER TABLE trace ADD COLUMN upsert_called INTEGER;
ALTER TABLE trace ADD COLUMN resubscribe_called INTEGER;
ALTER TABLE trace ADD COLUMN maybe_subscribed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE trace ADD COLUMN member_key;   -- of the row that bore the address, while it bears another one
CREATE INDEX trace_member ON trace (mirror, member_key) WHERE member_key IS NOT NULL;
CREATE INDEX echo_trace ON trace (mirror, delete_called) WHERE status = 0;
ALTER TABLE writeback ADD COLUMN new_email TEXT NOT NULL DEFAULT '';  -- the address changed at Stibee
ALTER TABLE suppression ADD COLUMN consent INTEGER;
ALTER TABLE suppression ADD COLUMN of_member INTEGER NOT NULL DEFAULT 0;  -- the hash is of a row's key
-- What a consent overcomes is said by a read from now on: whoever waits for it is looked at again.
INSERT OR IGNORE INTO touched_address (mirror, email)
SELECT mirror, email FROM subscriber WHERE status = 3 AND intent = 0;

-- What the guard holds: a digest stands for a set of people and what would happen to each. A set that another
-- one took the place of, or that is no longer held, can be approved until `until`.
ALTER TABLE hold ADD COLUMN lasting INTEGER NOT NULL DEFAULT 0;
CREATE TABLE held_set (
  mirror INTEGER NOT NULL,
  digest TEXT NOT NULL,
  change_class TEXT NOT NULL,
  until INTEGER,
  PRIMARY KEY (mirror, digest)
) WITHOUT ROWID;
CREATE TABLE held_person (
  mirror INTEGER NOT NULL,
  digest TEXT NOT NULL,
  item BLOB NOT NULL,           -- keyed hash of the person and of what is wanted of them
  email TEXT NOT NULL,
  member_key,
  intent INTEGER NOT NULL,
  PRIMARY KEY (mirror, digest, item)
) WITHOUT ROWID;
ALTER TABLE mirror ADD COLUMN recent TEXT NOT NULL DEFAULT '';  -- removals and resubscribes by hour
ALTER TABLE mirror ADD COLUMN wal_position INTEGER;  -- of the server: what was read lies at or below it

-- What `status` tells of a mirror's life.
ALTER TABLE mirror ADD COLUMN paused_since INTEGER;
ALTER TABLE mirror ADD COLUMN last_delivery INTEGER;  -- somebody became as wanted at Stibee
ALTER TABLE mirror ADD COLUMN imported INTEGER;       -- when nobody of the first read waited any more
ALTER TABLE mirror ADD COLUMN drift INTEGER NOT NULL DEFAULT 0;  -- differences at the last comparison
UPDATE mirror SET imported = last_success
WHERE NOT EXISTS (SELECT 1 FROM subscriber s WHERE s.mirror = mirror.id AND s.lane = 2);

DROP VIEW people;
CREATE VIEW people AS
SELECT m.name AS mirror, s.email,
  CASE s.intent WHEN 0 THEN 'subscribed' WHEN 1 THEN 'unsubscribed' ELSE 'absent' END AS wanted,
  CASE s.status WHEN 0 THEN 'unknown' WHEN 1 THEN 'subscribed' WHEN 2 THEN 'unsubscribed' WHEN 3 THEN 'opted_out'
    WHEN 4 THEN 'auto_deleted' WHEN 5 THEN 'purged' WHEN 6 THEN 'ready' ELSE 'moved' END AS confirmed,
  CASE s.lane WHEN 0 THEN 'optout' WHEN 1 THEN 'delete' WHEN 2 THEN 'upsert' END AS lane,
  s.shape, datetime(s.due / 1000, 'unixepoch') AS due, s.attempts, s.error, s.parked, s.message
FROM subscriber s JOIN mirror m ON m.id = s.mirror;
)sql"},
                                   {4, R"sql(
-- What a change feed brought, by slots of time.
ALTER TABLE mirror ADD COLUMN drained TEXT NOT NULL DEFAULT '';

-- A read is taken over in parts: rows are there whose addresses are not decided yet. Until then each read looks
-- at every row.
ALTER TABLE mirror ADD COLUMN torn INTEGER NOT NULL DEFAULT 0;

-- The ledger's row becomes narrow: what few people have lies beside it, so that nobody else pays for it.
-- Rows are replaced many at once. With FAIL instead of the usual ABORT SQLite need not keep every page that such
-- a statement changes as it was before: the whole transaction is undone, if anything is.
DROP VIEW people;
ALTER TABLE subscriber RENAME TO wide_subscriber;
CREATE TABLE subscriber (
  mirror INTEGER NOT NULL ON CONFLICT FAIL,
  email TEXT NOT NULL ON CONFLICT FAIL,
  intent INTEGER NOT NULL ON CONFLICT FAIL,   -- 0 subscribed, 1 unsubscribed, 2 absent
  status INTEGER NOT NULL ON CONFLICT FAIL,   -- 0 unknown, 1 subscribed, 2 unsubscribed, 3 opted_out,
  since INTEGER,                              --   4 auto_deleted, 5 purged, 6 ready, 7 moved
  wanted_fields BLOB NOT NULL ON CONFLICT FAIL,
  wanted_ad_agreed INTEGER,
  wanted_groups TEXT,
  consented_at INTEGER,
  arrived,                                    -- what is there: NULL nothing known; 1 all as wanted; a
                                              --   blob: other fields, the rest as wanted; 0: see subscriber_more
  upsert_called INTEGER,                      -- when a call went out: its echo may still come
  member_key,
  lane INTEGER,                               -- 0 optout, 1 delete, 2 upsert; NULL: not in the queue
  shape TEXT,
  due INTEGER,
  pending_since INTEGER,                      -- NULL: since it is due, and not attempted yet
  retried INTEGER NOT NULL ON CONFLICT FAIL,  -- attempts > 0
  batch_limit INTEGER NOT NULL ON CONFLICT FAIL,
  field_values TEXT,                          -- only while something is to be sent
  more INTEGER NOT NULL ON CONFLICT FAIL,     -- subscriber_more has the rest; 0: there is none
  PRIMARY KEY (mirror, email) ON CONFLICT REPLACE
) WITHOUT ROWID;
CREATE TABLE subscriber_more (
  mirror INTEGER NOT NULL,
  email TEXT NOT NULL,
  opted_in_at INTEGER,
  left_at INTEGER,
  silenced INTEGER NOT NULL,    -- absent, and not to be kept
  renewed INTEGER,              -- the time of the opt-out that a consent overcomes
  confirmed_fields BLOB,        -- these three: only if subscriber.arrived is 0
  confirmed_ad_agreed INTEGER,
  confirmed_groups TEXT,
  maybe_groups TEXT,            -- may have been assigned: released once they are not wanted
  maybe_subscribed INTEGER NOT NULL,
  owes_no INTEGER NOT NULL,     -- the table's newer no is to be sent
  repeat_at INTEGER,            -- the no is to be said once more
  consent_then INTEGER,         -- that the table showed when the opt-out was learnt
  moved_to TEXT,                -- the address that Stibee has instead
  optout_called INTEGER,        -- when calls went out: their echoes may still come
  delete_called INTEGER,
  resubscribe_called INTEGER,
  no_is_ours INTEGER NOT NULL,  -- by a write-back
  attempts INTEGER NOT NULL,
  not_before INTEGER,
  in_doubt INTEGER NOT NULL,    -- a call may have been applied whose answer is not known
  error TEXT,
  message TEXT,
  parked TEXT,                  -- reason
  parked_since INTEGER,
  parked_by_rule INTEGER NOT NULL,
  lacks_values INTEGER NOT NULL,  -- to be sent as soon as a read has supplied the values
  PRIMARY KEY (mirror, email)
) WITHOUT ROWID;
INSERT INTO subscriber
SELECT mirror, email, intent, status, since, wanted_fields, wanted_ad_agreed, wanted_groups, consented_at,
  CASE WHEN confirmed_fields IS NULL AND confirmed_ad_agreed IS NULL AND confirmed_groups IS NULL THEN NULL
    WHEN confirmed_fields IS NULL OR confirmed_ad_agreed IS NOT wanted_ad_agreed
      OR confirmed_groups IS NOT wanted_groups THEN 0
    WHEN confirmed_fields = wanted_fields THEN 1
    ELSE confirmed_fields END AS there,
  upsert_called, member_key, lane, shape, due,
  CASE WHEN retried = 0 AND pending_since IS due THEN NULL ELSE pending_since END,
  retried, batch_limit, field_values,
  opted_in_at IS NOT NULL OR left_at IS NOT NULL OR silenced <> 0 OR renewed IS NOT NULL
    OR maybe_groups IS NOT NULL OR maybe_subscribed <> 0 OR owes_no <> 0 OR repeat_at IS NOT NULL
    OR consent_then IS NOT NULL OR moved_to IS NOT NULL OR optout_called IS NOT NULL
    OR delete_called IS NOT NULL OR resubscribe_called IS NOT NULL OR no_is_ours <> 0 OR attempts <> 0
    OR not_before IS NOT NULL OR in_doubt <> 0 OR error IS NOT NULL OR message IS NOT NULL
    OR parked IS NOT NULL OR parked_by_rule <> 0 OR lacks_values <> 0
FROM wide_subscriber ORDER BY mirror, email;
UPDATE subscriber SET more = 1 WHERE arrived = 0;
INSERT INTO subscriber_more
SELECT w.mirror, w.email, opted_in_at, left_at, silenced, renewed,
  CASE s.arrived WHEN 0 THEN confirmed_fields END, CASE s.arrived WHEN 0 THEN confirmed_ad_agreed END,
  CASE s.arrived WHEN 0 THEN confirmed_groups END,
  maybe_groups, maybe_subscribed, owes_no, repeat_at, consent_then, moved_to, optout_called, delete_called,
  resubscribe_called, no_is_ours, attempts, not_before, in_doubt, error, message, parked, parked_since,
  parked_by_rule, lacks_values
FROM subscriber s CROSS JOIN wide_subscriber w ON w.mirror = s.mirror AND w.email = s.email
WHERE s.more <> 0 ORDER BY s.mirror, s.email;
DROP TABLE wide_subscriber;
CREATE INDEX queue ON subscriber (mirror, lane, shape, retried, due, email, batch_limit) WHERE lane IS NOT NULL;
CREATE INDEX retried ON subscriber (mirror, lane, pending_since) WHERE lane IS NOT NULL AND retried = 1;
CREATE INDEX parked ON subscriber_more (mirror, parked) WHERE parked IS NOT NULL;
CREATE INDEX moved ON subscriber_more (mirror, moved_to) WHERE moved_to IS NOT NULL;
CREATE VIEW people AS
SELECT m.name AS mirror, s.email,
  CASE s.intent WHEN 0 THEN 'subscribed' WHEN 1 THEN 'unsubscribed' ELSE 'absent' END AS wanted,
  CASE s.status WHEN 0 THEN 'unknown' WHEN 1 THEN 'subscribed' WHEN 2 THEN 'unsubscribed' WHEN 3 THEN 'opted_out'
    WHEN 4 THEN 'auto_deleted' WHEN 5 THEN 'purged' WHEN 6 THEN 'ready' ELSE 'moved' END AS confirmed,
  CASE s.lane WHEN 0 THEN 'optout' WHEN 1 THEN 'delete' WHEN 2 THEN 'upsert' END AS lane,
  s.shape, datetime(s.due / 1000, 'unixepoch') AS due, coalesce(o.attempts, 0) AS attempts, o.error, o.parked,
  o.message
FROM subscriber s JOIN mirror m ON m.id = s.mirror
LEFT JOIN subscriber_more o ON o.mirror = s.mirror AND o.email = s.email;
)sql"},
                                   {5, R"sql(
-- Some may still be committed, since the change feed had outgrown its bound.
ALTER TABLE mirror ADD COLUMN unheard_writes INTEGER NOT NULL DEFAULT 0;
)sql"},
                                   {6, R"sql(
ALTER TABLE mirror ADD COLUMN paused_until INTEGER;  -- NULL: until somebody resumes it
)sql"}};

constexpr MigrationStep steps_of_journal[] = {{1, R"sql(
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;

-- Who opted out at Stibee, by list. A person is a keyed hash; the key lies in `meta`.
CREATE TABLE suppression (
  list_id INTEGER NOT NULL,
  person_hash BLOB NOT NULL,
  at INTEGER NOT NULL,          -- when it was learnt
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('added', 'lifted')),
  sequence INTEGER NOT NULL,    -- grows with every change: what a state has not heard of yet
  PRIMARY KEY (list_id, person_hash)
) WITHOUT ROWID;
CREATE UNIQUE INDEX suppression_sequence ON suppression (sequence);
)sql"},
                                              {2, R"sql(
ALTER TABLE suppression ADD COLUMN consent INTEGER;  -- that the table showed then
ALTER TABLE suppression ADD COLUMN of_member INTEGER NOT NULL DEFAULT 0;  -- the hash is of a row's key
)sql"}};

}  // namespace

std::span<const MigrationStep> migration_steps() {
  return steps;
}

std::span<const MigrationStep> journal_steps() {
  return steps_of_journal;
}

std::optional<int> schema_version(Connection& connection, int application) {
  const auto id = connection.query_number("PRAGMA application_id");
  const bool empty = connection.query_number("SELECT count(*) FROM sqlite_schema") == 0;
  if (empty && (id == 0 || id == application)) return std::nullopt;
  const bool has_version = connection.query_number(
                               "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = "
                               "'schema_version'") == 1;
  if (id != application || !has_version) {
    throw StoreFailure(Failure::Damaged, connection.file().string() + ": not a file of stibee-syncd's");
  }
  return static_cast<int>(connection.query_number("SELECT max(version) FROM schema_version"));
}

void migrate(Connection& connection, std::span<const MigrationStep> all, int application) {
  const auto found = schema_version(connection, application);
  const int last = all.empty() ? 0 : all.back().to;
  if (found && *found > last) {
    throw StoreError(connection.file().string() + ": written by a newer stibee-syncd (schema version " +
                     std::to_string(*found) + ", this one knows " + std::to_string(last) +
                     "); install that version again, or move the file away to begin afresh");
  }
  if (found == last) return;
  SqlTransaction transaction(connection);
  if (!found) {
    connection.execute(("PRAGMA application_id = " + std::to_string(application)).c_str());
    connection.execute("CREATE TABLE schema_version (version INTEGER NOT NULL, at TEXT NOT NULL)");
  }
  for (const auto& step : all) {
    if (found && step.to <= *found) continue;
    connection.execute(step.sql);
    connection.execute(("INSERT INTO schema_version VALUES (" + std::to_string(step.to) +
                        ", strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))")
                           .c_str());
  }
  transaction.commit();
}

}  // namespace stibee_sync::store
