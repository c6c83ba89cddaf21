-- Which of the topics in the JSON array ? have ended, a line each. What is as old as updates that are pruned is forgotten.
SELECT group_concat(sequence || ' ' || topic || char(10), '') FROM ended
WHERE topic IN (SELECT value FROM json_each(?))
    AND time >= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - (SELECT history_seconds FROM hub) * 1000
