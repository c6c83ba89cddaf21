-- The version of the tables, the limits of the history, and whether the oldest update is too old.
SELECT (SELECT user_version FROM pragma_user_version), history_updates, history_seconds, history_bytes,
    coalesce((SELECT time FROM updates ORDER BY sequence LIMIT 1)
        < CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - history_seconds * 1000, 0)
FROM hub
