-- One row is one operation. Times are microseconds since 1970 and NULL where
-- there is none. Windows and retentions are nanoseconds.
CREATE TABLE {prefix}operation (
	seq         INTEGER PRIMARY KEY,
	sum         BLOB    NOT NULL,
	scope       BLOB    NOT NULL,
	kind        BLOB    NOT NULL,
	id          BLOB    NOT NULL,
	owner       BLOB    NOT NULL,
	generation  INTEGER NOT NULL,
	generation_fence INTEGER NOT NULL,
	fingerprint BLOB    NOT NULL,
	state       INTEGER NOT NULL,
	reason      INTEGER NOT NULL,
	fence       INTEGER NOT NULL,
	nonce       BLOB    NOT NULL,
	mode        INTEGER NOT NULL,
	runner      INTEGER NOT NULL,
	told        INTEGER NOT NULL,
	claims      INTEGER NOT NULL,
	passes      INTEGER NOT NULL,
	lease       INTEGER,
	next        INTEGER,
	advised     INTEGER NOT NULL,
	abandoned   INTEGER NOT NULL,
	resend      INTEGER NOT NULL,
	on_lapse    INTEGER NOT NULL,
	key_window  INTEGER NOT NULL,
	first_sent  INTEGER,
	last_held   INTEGER,
	created     INTEGER NOT NULL,
	updated     INTEGER NOT NULL,
	settled     INTEGER,
	retain      INTEGER NOT NULL,
	purge_at    INTEGER,
	notice      INTEGER,
	purged      INTEGER NOT NULL,
	conflicts   INTEGER NOT NULL,
	request     BLOB,
	result      BLOB,
	partial     INTEGER NOT NULL,
	aside       INTEGER NOT NULL, -- 1: the request is in the table of large bytes, 2: the result is
	due         INTEGER           -- when a runner has something to do with it
) STRICT;
CREATE UNIQUE INDEX {prefix}operation_sum ON {prefix}operation (sum);
CREATE INDEX {prefix}operation_due ON {prefix}operation (owner, due, kind) WHERE due IS NOT NULL;
CREATE INDEX {prefix}operation_purge ON {prefix}operation (purge_at) WHERE purge_at IS NOT NULL;
CREATE INDEX {prefix}operation_forget ON {prefix}operation (updated) WHERE purged = 1;
CREATE TABLE {prefix}bytes (
	seq  INTEGER NOT NULL, -- of the operation
	part INTEGER NOT NULL, -- 1: request, 2: result
	data BLOB    NOT NULL,
	PRIMARY KEY (seq, part)
) STRICT;
CREATE TABLE {prefix}trail (
	seq        INTEGER NOT NULL, -- of the operation
	entry      INTEGER PRIMARY KEY,
	at         INTEGER NOT NULL,
	fence      INTEGER NOT NULL,
	generation INTEGER NOT NULL,
	event      BLOB    NOT NULL,
	state      INTEGER NOT NULL,
	reason     INTEGER NOT NULL,
	actor      BLOB    NOT NULL,
	evidence   BLOB    NOT NULL,
	result     BLOB
) STRICT;
CREATE INDEX {prefix}trail_seq ON {prefix}trail (seq);
CREATE TABLE {prefix}meta (
	name  TEXT    PRIMARY KEY,
	value INTEGER NOT NULL
) STRICT;
INSERT INTO {prefix}meta (name, value) VALUES ('version', 0), ('clock', 0);
