-- A database as the first release wrote it: its tables, and the updates 5 to 9 of 9.
CREATE TABLE IF NOT EXISTS hub (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    history_updates INTEGER NOT NULL,
    history_seconds INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS updates (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    size INTEGER NOT NULL,
    id TEXT,
    meta TEXT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX IF NOT EXISTS updates_id ON updates (id, sequence) WHERE id IS NOT NULL;

CREATE TRIGGER IF NOT EXISTS updates_prune AFTER INSERT ON updates
WHEN NEW.sequence % 16 = 0 OR (SELECT history_updates FROM hub) < 1000 BEGIN
    DELETE FROM updates WHERE sequence <= NEW.sequence - (SELECT history_updates FROM hub);
    DELETE FROM updates WHERE sequence IN (SELECT sequence FROM updates ORDER BY sequence LIMIT 32)
        AND NOT EXISTS (SELECT 1 FROM updates AS older WHERE older.sequence <= updates.sequence
            AND older.time >= NEW.time - (SELECT history_seconds FROM hub));
END;

INSERT INTO hub VALUES (1, '0123456789abcdef', 10000, 86400);

INSERT INTO updates (sequence, time, size, id, meta, body) VALUES
    (5, unixepoch() - 50, 15, NULL,
        '-demo' || char(10), 'data: 5' || char(10) || char(10)),
    (6, unixepoch() - 40, 19, 'urn:six',
        'pdemo' || char(10) || 'two' || char(10), 'data: 6' || char(10) || char(10)),
    (7, unixepoch() - 40, 25, NULL,
        '-a"b\c' || char(10) || '\n' || char(10) || '["x"]' || char(10), 'data: 7' || char(10) || char(10)),
    (8, unixepoch() - 30, 17, 'é "8"',
        '-a"b\c' || char(10), 'data: \8' || char(10) || char(10)),
    (9, unixepoch() - 20, 21, NULL,
        '-demo' || char(10) || 'demo' || char(10), 'data: ' || char(0) || '9' || char(10) || char(10));
