-- The tables of the hub. A statement ends at an empty line: Spin runs one statement at a time.
CREATE TABLE IF NOT EXISTS hub (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch TEXT NOT NULL,
    history_updates INTEGER NOT NULL,
    history_seconds INTEGER NOT NULL
)

-- `AUTOINCREMENT` makes sequences grow for ever, also when everything was pruned. `size` stands before the large columns,
-- so that bounding a page does not read them.
CREATE TABLE IF NOT EXISTS updates (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    size INTEGER NOT NULL,
    id TEXT,
    meta TEXT NOT NULL,
    body TEXT NOT NULL
)

CREATE INDEX IF NOT EXISTS updates_id ON updates (id, sequence) WHERE id IS NOT NULL

-- An append removes what exceeds the history, and up to 32 updates that are too old. A long history is pruned by every
-- sixteenth update only. Pruning takes the oldest updates, whatever the wall clock says: there must be no hole.
CREATE TRIGGER IF NOT EXISTS updates_prune AFTER INSERT ON updates
WHEN NEW.sequence % 16 = 0 OR (SELECT history_updates FROM hub) < 1000 BEGIN
    DELETE FROM updates WHERE sequence <= NEW.sequence - (SELECT history_updates FROM hub);
    DELETE FROM updates WHERE sequence IN (SELECT sequence FROM updates ORDER BY sequence LIMIT 32)
        AND NOT EXISTS (SELECT 1 FROM updates AS older WHERE older.sequence <= updates.sequence
            AND older.time >= NEW.time - (SELECT history_seconds FROM hub));
END
