-- Removes what is too old. Appends do that too: this is for a log that had none for long.
DELETE FROM updates WHERE sequence < coalesce(
    (SELECT sequence FROM updates WHERE time >= unixepoch() - (SELECT history_seconds FROM hub)
        ORDER BY sequence LIMIT 1),
    9223372036854775807)
