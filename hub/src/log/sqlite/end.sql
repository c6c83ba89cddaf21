-- Ends the topics in the JSON array ?1 with the update ?2. An end that is there already is one that is forgotten.
REPLACE INTO ended (topic, number, sequence, time)
SELECT value, coalesce((SELECT max(number) FROM ended), 0) + key + 1, ?2,
    CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)
FROM json_each(?1)
