-- Removes some of what exceeds the history, as appends do: this is for limits that have become smaller, and for a log that
-- had no append for long. A step is short, so that no publisher waits for long.
DELETE FROM updates WHERE sequence < coalesce((
    SELECT sequence FROM updates
    WHERE (sequence > (SELECT max(sequence) FROM updates) - (SELECT history_updates FROM hub)
            AND total > (SELECT total FROM updates ORDER BY sequence DESC LIMIT 1) - (SELECT history_bytes FROM hub)
            AND time >= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - (SELECT history_seconds FROM hub) * 1000)
        OR sequence >= (SELECT min(sequence) FROM updates) + 500
        OR total > (SELECT total FROM updates ORDER BY sequence LIMIT 1) + 4194304
    ORDER BY sequence LIMIT 1
), 9223372036854775807)
