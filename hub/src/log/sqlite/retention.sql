-- The retention that the tables were made with, and whether the oldest update is too old.
SELECT history_updates, history_seconds,
    coalesce((SELECT time FROM updates ORDER BY sequence LIMIT 1) < unixepoch() - history_seconds, 0)
FROM hub
