PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE schema_version (version INTEGER NOT NULL, at TEXT NOT NULL);
INSERT INTO schema_version VALUES(1,'2026-11-27T17:15:48Z');
INSERT INTO schema_version VALUES(2,'2026-11-27T17:15:48Z');
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES('state_key',X'c9c5dc6a15212eaf98bc703f26a1a085f284d6b81e76f7ac01be30232062afaa');
INSERT INTO meta VALUES('suppressions_applied',1);
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
  duplicates INTEGER NOT NULL DEFAULT 0, adopted INTEGER, reconciled INTEGER,
  UNIQUE (name, list_id)
);
INSERT INTO mirror VALUES(1,'members',1234,1,7,21,15,'2,2,2,2','public.membersAsia/Seoulidemailemail_opt_innameemail_opt_inname=name254','7712901184564982393/1',1795799754941,'',1,1795799748900,NULL);
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
INSERT INTO member VALUES(1,1,X'ee91d541c5ea7947249efc0b4d3dcb67','m1@example.com',1,1,NULL,NULL);
INSERT INTO member VALUES(1,2,X'5efbc2bb99c3218c053cdb76971fd230','m2@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,3,X'862396b98e44b3500973dc741fb28535','m3@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,4,X'84c4a978d9df05d2d36fe983c22a88c2','m4@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,5,X'fb1bfbc9872b11c84de4946b1b50e372','m5@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,6,X'9689752d0a32bf737f0389d12c3258f1','m6@example.com',0,0,NULL,NULL);
INSERT INTO member VALUES(1,8,X'1ed950d512df27be4b5c32bcfebf8cdc','m8@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,9,X'db226c46a03bc85ea5260fe0cb574604','m9@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,10,X'ec60fbb444f4ff9d0ac1c818b01d0dbf','m10@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,11,X'c1b514be852782d5eaacabfcef235f81','m11@example.com',0,0,NULL,NULL);
INSERT INTO member VALUES(1,12,X'd53dcce55df7ce10fa2630942d9ad204','m12@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,13,X'ae4f632f69ab4ea87d906fecd7d623e5','m13@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,14,X'25465f4c69a4db881ce3e6dc46bd4c3b','m14@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,15,X'ed54a5d6e1835c00f1abeb988353e06c','m15@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,16,X'd76c4bd9c172483106255261da43d1f8','m16@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,17,X'5ea39504f51d64a5da30f66f0b9baf58','m17@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,18,X'aee0d3fe63a1d629d907bf601de37dc2','m18@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,19,X'249dcce9a382c150fcf1a94cc7d552c7','m19@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,20,X'8d4bef86e67f404cfc880085ced14a41','m20@example.com',1,0,NULL,NULL);
INSERT INTO member VALUES(1,31,X'6280e5ac80865bd9788339cd214bb119',NULL,1,0,'white_space_or_control','email');
INSERT INTO member VALUES(1,32,X'c4f98dfcbdef9583620c0f275916239f','m1@example.com',1,1,NULL,NULL);
INSERT INTO member VALUES(1,40,X'2f5b660edb11bd26a5c9e225f3d62d24','m40@example.com',1,0,NULL,NULL);
CREATE TABLE member_address (
  mirror INTEGER NOT NULL,
  email TEXT NOT NULL,
  key NOT NULL,
  PRIMARY KEY (mirror, email, key)
) WITHOUT ROWID;
INSERT INTO member_address VALUES(1,'m10@example.com',10);
INSERT INTO member_address VALUES(1,'m11@example.com',11);
INSERT INTO member_address VALUES(1,'m12@example.com',12);
INSERT INTO member_address VALUES(1,'m13@example.com',13);
INSERT INTO member_address VALUES(1,'m14@example.com',14);
INSERT INTO member_address VALUES(1,'m15@example.com',15);
INSERT INTO member_address VALUES(1,'m16@example.com',16);
INSERT INTO member_address VALUES(1,'m17@example.com',17);
INSERT INTO member_address VALUES(1,'m18@example.com',18);
INSERT INTO member_address VALUES(1,'m19@example.com',19);
INSERT INTO member_address VALUES(1,'m1@example.com',1);
INSERT INTO member_address VALUES(1,'m1@example.com',32);
INSERT INTO member_address VALUES(1,'m20@example.com',20);
INSERT INTO member_address VALUES(1,'m2@example.com',2);
INSERT INTO member_address VALUES(1,'m3@example.com',3);
INSERT INTO member_address VALUES(1,'m40@example.com',40);
INSERT INTO member_address VALUES(1,'m4@example.com',4);
INSERT INTO member_address VALUES(1,'m5@example.com',5);
INSERT INTO member_address VALUES(1,'m6@example.com',6);
INSERT INTO member_address VALUES(1,'m8@example.com',8);
INSERT INTO member_address VALUES(1,'m9@example.com',9);
CREATE TABLE touched_address (
  mirror INTEGER NOT NULL,
  email TEXT NOT NULL, number INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (mirror, email)
) WITHOUT ROWID;
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
INSERT INTO subscriber VALUES(1,'m10@example.com',0,X'b12e5f3d0328584169004e600a20f561',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'b12e5f3d0328584169004e600a20f561',NULL,NULL,NULL,0,NULL,10,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m11@example.com',1,X'6d6359c24d209a60d5c4cee1df1e870e',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'6d6359c24d209a60d5c4cee1df1e870e',NULL,NULL,NULL,0,NULL,11,0,'unsubscribe',1795799756305,1795799752927,1,3,1795799756305,0,1,'fault_injected','injected fault',NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m12@example.com',0,X'90024d26493563cb7b3cabc2f5eabcf8',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'90024d26493563cb7b3cabc2f5eabcf8',NULL,NULL,NULL,0,NULL,12,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m13@example.com',0,X'edf5bf6b27ca12dd7d546f7a72e1c98a',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'edf5bf6b27ca12dd7d546f7a72e1c98a',NULL,NULL,NULL,0,NULL,13,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m14@example.com',0,X'5c2fb911ed5dcc36e728c1186c6adac3',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'5c2fb911ed5dcc36e728c1186c6adac3',NULL,NULL,NULL,0,NULL,14,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m15@example.com',0,X'2bb2a9ab1fab0dd8b155cb917430ce4b',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'2bb2a9ab1fab0dd8b155cb917430ce4b',NULL,NULL,NULL,0,NULL,15,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m16@example.com',0,X'fab0e481c1d00e10fd91fbe9a9fc2844',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'fab0e481c1d00e10fd91fbe9a9fc2844',NULL,NULL,NULL,0,NULL,16,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m17@example.com',0,X'5693a6fd039ded3984b0954a38fc84b1',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'5693a6fd039ded3984b0954a38fc84b1',NULL,NULL,NULL,0,NULL,17,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m18@example.com',0,X'2ca808b0f5b3bd4679e4b45e52406523',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'2ca808b0f5b3bd4679e4b45e52406523',NULL,NULL,NULL,0,NULL,18,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m19@example.com',0,X'1cd1bd886223b4258a68d1c7ed767f95',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'1cd1bd886223b4258a68d1c7ed767f95',NULL,NULL,NULL,0,NULL,19,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m1@example.com',0,X'53441b69ea83fcb6a71ec110321085b5',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'53441b69ea83fcb6a71ec110321085b5',NULL,NULL,NULL,0,NULL,1,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m20@example.com',0,X'92cb645825b6e4d8cbf6e3153bf37d21',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'92cb645825b6e4d8cbf6e3153bf37d21',NULL,NULL,NULL,0,NULL,20,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m2@example.com',0,X'38bda385b69c0a9a1f3292b34a24a164',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'38bda385b69c0a9a1f3292b34a24a164',NULL,NULL,NULL,0,NULL,2,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m3@example.com',0,X'f4aa6e9e2989b88840fcd7ae25093fc6',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'f4aa6e9e2989b88840fcd7ae25093fc6',NULL,NULL,NULL,0,NULL,3,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m40@example.com',0,X'264b18687ccd83e2d1af3320a7401139',NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,NULL,1,'name=new',40,2,'subscribe:',1795799762091,1795799752927,1,4,1795799762091,0,1,'fault_injected','injected fault',NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m4@example.com',0,X'eb01b09f9455b3f2e9da42a0e511f373',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'eb01b09f9455b3f2e9da42a0e511f373',NULL,NULL,NULL,0,NULL,4,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m5@example.com',0,X'e8d3d0690725cbe551e2802425a67b7f',NULL,NULL,NULL,NULL,NULL,3,1795799749283,X'e8d3d0690725cbe551e2802425a67b7f',NULL,NULL,NULL,0,NULL,5,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m6@example.com',1,X'16c17e7799bacc247fe00db7afa90a74',NULL,NULL,NULL,NULL,NULL,2,1795799749909,X'16c17e7799bacc247fe00db7afa90a74',NULL,NULL,NULL,0,NULL,6,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m8@example.com',0,X'4e6c6a7cfc52b821eb938fd5f7c4076f',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'4e6c6a7cfc52b821eb938fd5f7c4076f',NULL,NULL,NULL,0,NULL,8,NULL,NULL,NULL,NULL,0,0,NULL,0,0,NULL,NULL,NULL,NULL,0,0);
INSERT INTO subscriber VALUES(1,'m9@example.com',0,X'043a082bc62f2f91d21f3bd2ed9fca86',NULL,NULL,NULL,NULL,NULL,1,1795799748903,X'd961a0651771ba0dfb53d17431def0c5',NULL,NULL,NULL,0,'name=other',9,2,'subscribe:',1795799762091,1795799752927,1,4,1795799762091,0,1,'fault_injected','injected fault',NULL,NULL,0,0);
CREATE TABLE trace (
  mirror INTEGER NOT NULL,
  person_hash BLOB NOT NULL,
  status INTEGER NOT NULL,
  since INTEGER,
  groups TEXT NOT NULL,         -- that the person may be in: released if they come back to others
  PRIMARY KEY (mirror, person_hash)
) WITHOUT ROWID;
INSERT INTO trace VALUES(1,X'8035ee2e19c81551b8a5438a9ee3125437a1f1d84efc9769f44095ecb7524ff2',2,1795799750917,'');
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
INSERT INTO hold VALUES(1,'removals',7,18,'bbed202e9344f144','7 removals are more than 5: guard.max_removal_percent is 2 % of 18 mirrored people, guard.min_removals is 5',replace('673714ad01a2\n46f62c6b2b99\n65c6a802b500\nd09ecd9ac183\n57ebb029b914\n6cded8154731\ndf034550795a\n','\n',char(10)),1795799751916);
CREATE TABLE approval (
  mirror INTEGER NOT NULL,
  digest TEXT NOT NULL,
  expires INTEGER NOT NULL,
  PRIMARY KEY (mirror, digest)
) WITHOUT ROWID;
CREATE TABLE limiter_attempt (
  limiter_class TEXT NOT NULL,
  slot INTEGER NOT NULL,
  number INTEGER NOT NULL,
  at INTEGER NOT NULL,
  boot_id TEXT NOT NULL,
  since_boot_ns INTEGER NOT NULL,
  PRIMARY KEY (limiter_class, slot)
) WITHOUT ROWID;
INSERT INTO limiter_attempt VALUES('other',1,1,1795799748882,'00000000-0000-4000-8000-000000000000',61003883280139);
INSERT INTO limiter_attempt VALUES('v1',1,1,1795799748902,'00000000-0000-4000-8000-000000000000',61003902828677);
INSERT INTO limiter_attempt VALUES('v1',2,2,1795799749908,'00000000-0000-4000-8000-000000000000',61004909505339);
INSERT INTO limiter_attempt VALUES('v1',3,3,1795799750916,'00000000-0000-4000-8000-000000000000',61005917227479);
INSERT INTO limiter_attempt VALUES('v1',4,4,1795799752934,'00000000-0000-4000-8000-000000000000',61007935727932);
INSERT INTO limiter_attempt VALUES('v1',5,5,1795799752955,'00000000-0000-4000-8000-000000000000',61007956650473);
INSERT INTO limiter_attempt VALUES('v1',6,6,1795799753099,'00000000-0000-4000-8000-000000000000',61008099993155);
INSERT INTO limiter_attempt VALUES('v1',7,7,1795799753850,'00000000-0000-4000-8000-000000000000',61008851310306);
INSERT INTO limiter_attempt VALUES('v1',8,8,1795799754284,'00000000-0000-4000-8000-000000000000',61009284740883);
INSERT INTO limiter_attempt VALUES('v1',9,9,1795799754332,'00000000-0000-4000-8000-000000000000',61009332769094);
INSERT INTO limiter_attempt VALUES('v1',10,10,1795799754355,'00000000-0000-4000-8000-000000000000',61009355903086);
CREATE TABLE in_flight (id INTEGER PRIMARY KEY, mirror INTEGER NOT NULL, people TEXT NOT NULL);
CREATE TABLE suppression (
  list_id INTEGER NOT NULL,
  person_hash BLOB NOT NULL,
  at INTEGER NOT NULL,
  by_whom TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (list_id, person_hash)
) WITHOUT ROWID;
INSERT INTO suppression VALUES(1234,X'0294d3251a76e0d9eba04a319e1d8c2638cb7bc89a181930c421e02e68e5921e',1795799749283,'subscriber','');
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
DELETE FROM sqlite_sequence;
CREATE INDEX member_rejected ON member (mirror, rejection) WHERE rejection IS NOT NULL;
CREATE INDEX member_shadowed ON member (mirror, email) WHERE shadowed = 1;
CREATE INDEX queue ON subscriber (mirror, lane, shape, retried, due, email, batch_limit) WHERE lane IS NOT NULL;
CREATE INDEX retried ON subscriber (mirror, lane, pending_since) WHERE lane IS NOT NULL AND retried = 1;
CREATE INDEX parked ON subscriber (mirror, parked) WHERE parked IS NOT NULL;
CREATE VIEW people AS
SELECT m.name AS mirror, s.email,
  CASE s.intent WHEN 0 THEN 'subscribed' WHEN 1 THEN 'unsubscribed' ELSE 'absent' END AS wanted,
  CASE s.status WHEN 0 THEN 'unknown' WHEN 1 THEN 'subscribed' WHEN 2 THEN 'unsubscribed' WHEN 3 THEN 'opted_out'
    WHEN 4 THEN 'auto_deleted' WHEN 5 THEN 'purged' ELSE 'ready' END AS confirmed,
  CASE s.lane WHEN 0 THEN 'optout' WHEN 1 THEN 'delete' WHEN 2 THEN 'upsert' END AS lane,
  s.shape, datetime(s.due / 1000, 'unixepoch') AS due, s.attempts, s.error, s.parked, s.message
FROM subscriber s JOIN mirror m ON m.id = s.mirror;
CREATE INDEX writeback_person ON writeback (mirror, email, id);
COMMIT;
