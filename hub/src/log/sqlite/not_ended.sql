-- Whether none of the topics in the JSON array ? has ended. This is asked once an append, and mostly there is none at all.
NOT EXISTS (SELECT 1 FROM ended) OR NOT EXISTS (
    SELECT 1 FROM ended WHERE topic IN (SELECT value FROM json_each(?))
        AND time >= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - (SELECT history_seconds FROM hub) * 1000)
