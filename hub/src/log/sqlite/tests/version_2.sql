-- A database as version 2 wrote it: its tables, and the updates 1 to 3.
CREATE TABLE IF NOT EXISTS hub (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    history_updates INTEGER NOT NULL,
    history_seconds INTEGER NOT NULL,
    history_bytes INTEGER NOT NULL DEFAULT 9223372036854775807,
    drained_at INTEGER NOT NULL DEFAULT 0
);

INSERT OR IGNORE INTO hub (one, epoch, history_updates, history_seconds)
VALUES (1, '0123456789abcdef', 10000, 86400);

CREATE TABLE IF NOT EXISTS updates (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    size INTEGER NOT NULL,
    total INTEGER NOT NULL,
    id TEXT,
    topics TEXT,
    meta TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS updates_id ON updates (id, sequence) WHERE id IS NOT NULL;

CREATE TABLE IF NOT EXISTS topics (
    topic TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (topic, sequence)
) WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS updates_insert_topic AFTER INSERT ON updates WHEN NEW.topics IS NULL BEGIN
    INSERT INTO topics VALUES (substr(NEW.meta, 2, length(NEW.meta) - 2), NEW.sequence);
END;

CREATE TRIGGER IF NOT EXISTS updates_insert_topics AFTER INSERT ON updates WHEN NEW.topics IS NOT NULL BEGIN
    INSERT OR IGNORE INTO topics SELECT value, NEW.sequence FROM json_each(NEW.topics);
END;

CREATE TRIGGER IF NOT EXISTS updates_delete_topic AFTER DELETE ON updates WHEN OLD.topics IS NULL BEGIN
    DELETE FROM topics WHERE topic = substr(OLD.meta, 2, length(OLD.meta) - 2) AND sequence = OLD.sequence;
END;

CREATE TRIGGER IF NOT EXISTS updates_delete_topics AFTER DELETE ON updates WHEN OLD.topics IS NOT NULL BEGIN
    DELETE FROM topics WHERE topic IN (SELECT value FROM json_each(OLD.topics)) AND sequence = OLD.sequence;
END;

CREATE TRIGGER IF NOT EXISTS updates_prune AFTER INSERT ON updates
WHEN NEW.sequence % 16 = 0 OR NEW.size > 4096 OR (SELECT history_updates FROM hub) < 1000 BEGIN
    DELETE FROM updates WHERE sequence < (
        SELECT sequence FROM updates
        WHERE (sequence > NEW.sequence - (SELECT history_updates FROM hub)
                AND total > NEW.total - (SELECT history_bytes FROM hub)
                AND time >= NEW.time - (SELECT history_seconds FROM hub) * 1000)
            OR sequence >= (SELECT min(sequence) FROM updates) + min(64 + NEW.size / 8, 4096)
        ORDER BY sequence LIMIT 1);
END;

CREATE TABLE IF NOT EXISTS listeners (
    listener INTEGER PRIMARY KEY,
    lease INTEGER NOT NULL,
    streams INTEGER NOT NULL,
    drains INTEGER NOT NULL,
    known INTEGER NOT NULL,
    added TEXT NOT NULL,
    removed TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS interests (
    topic TEXT NOT NULL,
    listener INTEGER NOT NULL,
    PRIMARY KEY (topic, listener)
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS interests_listener ON interests (listener);

CREATE TRIGGER IF NOT EXISTS listeners_insert AFTER INSERT ON listeners BEGIN
    DELETE FROM interests WHERE NEW.known = 0 AND listener = NEW.listener;
    DELETE FROM interests WHERE topic IN (SELECT value FROM json_each(NEW.removed)) AND listener = NEW.listener;
    INSERT OR IGNORE INTO interests SELECT value, NEW.listener FROM json_each(NEW.added);
    DELETE FROM listeners WHERE lease <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER);
END;

CREATE TRIGGER IF NOT EXISTS listeners_delete AFTER DELETE ON listeners BEGIN
    DELETE FROM interests WHERE listener = OLD.listener;
END;

PRAGMA user_version = 2;

INSERT INTO updates (time, size, total, id, topics, meta, body) VALUES
    (unixepoch() * 1000, 15, 15, NULL, NULL, '-demo' || char(10), 'data: 1' || char(10) || char(10)),
    (unixepoch() * 1000, 19, 34, 'urn:two', '["demo","two"]',
        'pdemo' || char(10) || 'two' || char(10), 'data: 2' || char(10) || char(10)),
    (unixepoch() * 1000, 14, 48, NULL, NULL, '-two' || char(10), 'data: 3' || char(10) || char(10));
