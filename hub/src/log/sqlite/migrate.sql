-- Makes the tables of the releases before version 2 into those of this one. Their times were seconds.
DROP TRIGGER IF EXISTS updates_prune

DROP INDEX IF EXISTS updates_id

ALTER TABLE updates RENAME TO old_updates

CREATE TABLE updates (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    time INTEGER NOT NULL,
    size INTEGER NOT NULL,
    total INTEGER NOT NULL,
    id TEXT,
    topics TEXT,
    meta TEXT NOT NULL,
    body TEXT NOT NULL
)

-- No topic has a control character, so that only two characters need a backslash in JSON.
INSERT INTO updates
SELECT sequence, time * 1000, size, total, id,
    CASE WHEN instr(meta, char(10)) < length(meta) THEN '["' || replace(replace(replace(
        substr(meta, 2, length(meta) - 2), '\', '\\'), '"', '\"'), char(10), '","') || '"]' END,
    meta, body
FROM (SELECT sequence, sum(size) OVER (ORDER BY sequence) AS total FROM old_updates)
CROSS JOIN old_updates USING (sequence)
ORDER BY sequence

-- The head of a log that is empty after pruning is only here.
DELETE FROM sqlite_sequence WHERE name = 'updates'

UPDATE sqlite_sequence SET name = 'updates' WHERE name = 'old_updates'

DROP TABLE old_updates

CREATE TABLE topics (
    topic TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (topic, sequence)
) WITHOUT ROWID

INSERT INTO topics SELECT substr(meta, 2, length(meta) - 2), sequence FROM updates WHERE topics IS NULL

INSERT OR IGNORE INTO topics SELECT value, sequence FROM updates, json_each(updates.topics) WHERE topics IS NOT NULL

ALTER TABLE hub ADD COLUMN history_bytes INTEGER NOT NULL DEFAULT 9223372036854775807

ALTER TABLE hub ADD COLUMN drained_at INTEGER NOT NULL DEFAULT 0
