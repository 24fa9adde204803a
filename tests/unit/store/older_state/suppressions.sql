PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_version (version INTEGER NOT NULL, at TEXT NOT NULL);
INSERT INTO schema_version VALUES(1,'2026-11-27T17:15:48Z');
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('state_key',X'c9c5dc6a15212eaf98bc703f26a1a085f284d6b81e76f7ac01be30232062afaa');
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
INSERT INTO suppression VALUES(1234,X'0294d3251a76e0d9eba04a319e1d8c2638cb7bc89a181930c421e02e68e5921e',1795799749283,'subscriber','','added',1);
CREATE UNIQUE INDEX suppression_sequence ON suppression (sequence);
COMMIT;
