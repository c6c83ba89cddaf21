-- Forgets some ends, as old as updates are that are pruned, or more than there may be updates, or than 1000.
DELETE FROM ended WHERE number < coalesce((
    SELECT number FROM ended
    WHERE (number > (SELECT max(number) FROM ended) - (SELECT max(history_updates, 1000) FROM hub)
            AND time >= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - (SELECT history_seconds FROM hub) * 1000)
        OR number >= (SELECT min(number) FROM ended) + 1000
    ORDER BY number LIMIT 1
), 9223372036854775807)
