-- The listeners to wake: ? is a JSON array of the topics that were appended to, and `*`. UDP wakes those up to 65535.
SELECT group_concat(listener) FROM (
    SELECT DISTINCT listener FROM interests CROSS JOIN listeners USING (listener)
    WHERE topic IN (SELECT value FROM json_each(?)) AND listener BETWEEN 0 AND 65535
        AND lease > CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)
)
