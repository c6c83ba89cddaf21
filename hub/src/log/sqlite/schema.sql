-- The tables of the hub. A statement ends at an empty line: Spin runs one statement at a time. Times are in milliseconds
-- since 1970.
CREATE TABLE IF NOT EXISTS hub (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    history_updates INTEGER NOT NULL,
    history_seconds INTEGER NOT NULL,
    history_bytes INTEGER NOT NULL DEFAULT 9223372036854775807,
    drained_at INTEGER NOT NULL DEFAULT 0
)

-- Whoever opens the log sets its limits afterwards.
INSERT OR IGNORE INTO hub (one, epoch, history_updates, history_seconds)
VALUES (1, lower(hex(randomblob(8))), 9223372036854775807, 9223372036854775807)

-- `AUTOINCREMENT` makes sequences grow for ever, also when everything was pruned. `total` is the bytes of all updates up
-- to this one. `topics` is a JSON array, or NULL for an update on one topic, which is in `meta`. The large columns come
-- last, so that bounding a page does not read them.
CREATE TABLE IF NOT EXISTS updates (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    size INTEGER NOT NULL,
    total INTEGER NOT NULL,
    id TEXT,
    topics TEXT,
    meta TEXT NOT NULL,
    body TEXT NOT NULL
)

CREATE INDEX IF NOT EXISTS updates_id ON updates (id, sequence) WHERE id IS NOT NULL

-- Which updates a topic has. Triggers keep it as `updates` is.
CREATE TABLE IF NOT EXISTS topics (
    topic TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (topic, sequence)
) WITHOUT ROWID

CREATE TRIGGER IF NOT EXISTS updates_insert_topic AFTER INSERT ON updates WHEN NEW.topics IS NULL BEGIN
    INSERT INTO topics VALUES (substr(NEW.meta, 2, length(NEW.meta) - 2), NEW.sequence);
END

CREATE TRIGGER IF NOT EXISTS updates_insert_topics AFTER INSERT ON updates WHEN NEW.topics IS NOT NULL BEGIN
    INSERT OR IGNORE INTO topics SELECT value, NEW.sequence FROM json_each(NEW.topics);
END

CREATE TRIGGER IF NOT EXISTS updates_delete_topic AFTER DELETE ON updates WHEN OLD.topics IS NULL BEGIN
    DELETE FROM topics WHERE topic = substr(OLD.meta, 2, length(OLD.meta) - 2) AND sequence = OLD.sequence;
END

CREATE TRIGGER IF NOT EXISTS updates_delete_topics AFTER DELETE ON updates WHEN OLD.topics IS NOT NULL BEGIN
    DELETE FROM topics WHERE topic IN (SELECT value FROM json_each(OLD.topics)) AND sequence = OLD.sequence;
END

-- An append removes what exceeds the history, some updates at a time: what is removed grows with what is appended, so that
-- no append takes long, and the history comes down to its limits. A long history is pruned by every sixteenth update, and
-- by every large one. Pruning ends at the first update to keep, whatever the wall clock says: there must be no hole.
CREATE TRIGGER IF NOT EXISTS updates_prune AFTER INSERT ON updates
WHEN NEW.sequence % 16 = 0 OR NEW.size > 4096 OR (SELECT history_updates FROM hub) < 1000 BEGIN
    DELETE FROM updates WHERE sequence < (
        SELECT sequence FROM updates
        WHERE (sequence > NEW.sequence - (SELECT history_updates FROM hub)
                AND total > NEW.total - (SELECT history_bytes FROM hub)
                AND time >= NEW.time - (SELECT history_seconds FROM hub) * 1000)
            OR sequence >= (SELECT min(sequence) FROM updates) + min(64 + NEW.size / 8, 4096)
        ORDER BY sequence LIMIT 1);
END

-- The topics that have ended, with the sequence and the time of their last update, numbered in that order. Appends keep it.
CREATE TABLE IF NOT EXISTS ended (
    topic TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    time INTEGER NOT NULL
) WITHOUT ROWID

CREATE INDEX IF NOT EXISTS ended_number ON ended (number)

CREATE INDEX IF NOT EXISTS ended_sequence ON ended (sequence)

-- Who relays to which topic, and what is appended if the lease runs out. The end of a topic ends its relay.
CREATE TABLE IF NOT EXISTS relays (
    topic TEXT PRIMARY KEY,
    holder INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    meta TEXT NOT NULL,
    body TEXT NOT NULL
) WITHOUT ROWID

CREATE INDEX IF NOT EXISTS relays_holder ON relays (holder)

CREATE TRIGGER IF NOT EXISTS ended_insert AFTER INSERT ON ended BEGIN
    DELETE FROM relays WHERE topic = NEW.topic;
END

-- Who is woken. `known`, `added` and `removed` are of the last registration. Without a rowid, a registration leaves the
-- `last_insert_rowid` of an append alone.
CREATE TABLE IF NOT EXISTS listeners (
    listener INTEGER PRIMARY KEY,
    lease INTEGER NOT NULL,
    streams INTEGER NOT NULL,
    drains INTEGER NOT NULL,
    known INTEGER NOT NULL,
    added TEXT NOT NULL,
    removed TEXT NOT NULL
) WITHOUT ROWID

-- Who follows a topic; `*` stands for every topic.
CREATE TABLE IF NOT EXISTS interests (
    topic TEXT NOT NULL,
    listener INTEGER NOT NULL,
    PRIMARY KEY (topic, listener)
) WITHOUT ROWID

CREATE INDEX IF NOT EXISTS interests_listener ON interests (listener)

-- A listener that was not known may have the port of one that is gone.
CREATE TRIGGER IF NOT EXISTS listeners_insert AFTER INSERT ON listeners BEGIN
    DELETE FROM interests WHERE NEW.known = 0 AND listener = NEW.listener;
    DELETE FROM interests WHERE topic IN (SELECT value FROM json_each(NEW.removed)) AND listener = NEW.listener;
    INSERT OR IGNORE INTO interests SELECT value, NEW.listener FROM json_each(NEW.added);
    DELETE FROM listeners WHERE lease <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER);
END

CREATE TRIGGER IF NOT EXISTS listeners_delete AFTER DELETE ON listeners BEGIN
    DELETE FROM interests WHERE listener = OLD.listener;
END

-- Who follows what. A subscriber is held under the lease of a holder, or by nobody until a moment. Triggers append what is
-- said of a subscription that begins or ends: a change and its update are one.
CREATE TABLE IF NOT EXISTS holders (
    holder INTEGER PRIMARY KEY,
    lease INTEGER NOT NULL
) WITHOUT ROWID

CREATE TABLE IF NOT EXISTS subscriptions (
    topic TEXT PRIMARY KEY,
    subscriber TEXT NOT NULL,
    holder INTEGER,
    over INTEGER,
    ticket TEXT NOT NULL,
    what TEXT NOT NULL,
    document TEXT NOT NULL
) WITHOUT ROWID

CREATE INDEX IF NOT EXISTS subscriptions_holder ON subscriptions (holder, subscriber)

CREATE INDEX IF NOT EXISTS subscriptions_subscriber ON subscriptions (subscriber)

CREATE INDEX IF NOT EXISTS subscriptions_over ON subscriptions (over) WHERE over IS NOT NULL

CREATE VIEW IF NOT EXISTS subscription_updates (topic, data) AS SELECT NULL, NULL

CREATE TRIGGER IF NOT EXISTS subscription_updates_insert INSTEAD OF INSERT ON subscription_updates BEGIN
    INSERT INTO updates (time, size, total, meta, body)
    SELECT CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER), size,
        coalesce((SELECT total FROM updates ORDER BY sequence DESC LIMIT 1), 0) + size,
        'p' || NEW.topic || char(10), 'event: mercure' || char(10) || 'data: ' || NEW.data || char(10) || char(10)
    FROM (SELECT length(CAST(NEW.topic AS BLOB)) + length(CAST(NEW.data AS BLOB)) + 25 AS size);
END

CREATE TRIGGER IF NOT EXISTS subscriptions_insert AFTER INSERT ON subscriptions BEGIN
    INSERT INTO subscription_updates VALUES (NEW.topic, NEW.document || 'true}');
END

CREATE TRIGGER IF NOT EXISTS subscriptions_delete AFTER DELETE ON subscriptions BEGIN
    INSERT INTO subscription_updates VALUES (OLD.topic, OLD.document || 'false}');
END

-- What a holder says of its subscribers is inserted here, as JSON arrays, and done in one step: `named` are all that it
-- keeps, or NULL. `arrivals` has of each subscription the subscriber and the ticket that its client shows, and then what is
-- kept of it. What is over ends first, 1000 at a time.
CREATE VIEW IF NOT EXISTS attending (now, before, holder, lease, named, ended, arrivals, released, grace) AS
SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL

CREATE TRIGGER IF NOT EXISTS attending_insert INSTEAD OF INSERT ON attending BEGIN
    REPLACE INTO holders VALUES (NEW.holder, NEW.now + NEW.lease);
    DELETE FROM subscriptions WHERE topic IN (
        SELECT topic FROM (
            SELECT topic FROM subscriptions WHERE over <= NEW.now
            UNION ALL
            SELECT topic FROM holders CROSS JOIN subscriptions USING (holder) WHERE lease <= NEW.now
        )
        LIMIT 1000
    );
    DELETE FROM holders WHERE lease <= NEW.now
        AND NOT EXISTS (SELECT 1 FROM subscriptions WHERE holder = holders.holder);
    DELETE FROM subscriptions WHERE NEW.named IS NOT NULL AND holder = NEW.holder
        AND subscriber NOT IN (SELECT value FROM json_each(NEW.named));
    DELETE FROM subscriptions WHERE subscriber IN (SELECT value FROM json_each(NEW.ended)) AND holder = NEW.holder;
    UPDATE subscriptions SET holder = NEW.holder, over = NULL, ticket = arrival.value ->> 3
    FROM json_each(NEW.arrivals) AS arrival
    WHERE subscriber = arrival.value ->> 0 AND ticket IN (arrival.value ->> 1, arrival.value ->> 3)
        AND what = arrival.value ->> 4;
    INSERT INTO subscriptions (holder, subscriber, ticket, what, topic, document)
    SELECT NEW.holder, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6
    FROM json_each(NEW.arrivals) AS arrival
    WHERE NOT EXISTS (
        SELECT 1 FROM subscriptions WHERE subscriber = arrival.value ->> 0 AND ticket = arrival.value ->> 3)
    ON CONFLICT DO UPDATE SET holder = excluded.holder, ticket = excluded.ticket, over = NULL;
    UPDATE subscriptions SET holder = NULL, over = NEW.now + NEW.grace
    WHERE subscriber IN (SELECT value FROM json_each(NEW.released)) AND holder = NEW.holder;
END

PRAGMA user_version = 4
