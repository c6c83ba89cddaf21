-- Reads a page of the updates on topics, as one row, like after_all.sql. ?1 is a JSON array of pairs: a topic, and the
-- sequence that its updates follow. No page ends after `ceiling`, where one topic alone fills it: of a topic with a
-- long history, no more is looked at than a page can have. The sixth column has those of the topics that have ended.
WITH
wanted (topic, after) AS MATERIALIZED (
    SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE value ->> 1 < (SELECT max(sequence) FROM updates)
),
ceiling (sequence) AS MATERIALIZED (
    SELECT coalesce(min((
        SELECT sequence FROM topics WHERE topics.topic = wanted.topic AND topics.sequence > wanted.after
        ORDER BY topics.sequence LIMIT 1 OFFSET 999
    )), 9223372036854775807) FROM wanted
),
heard (sequence) AS MATERIALIZED (
    SELECT DISTINCT topics.sequence
    FROM wanted CROSS JOIN topics ON topics.topic = wanted.topic AND topics.sequence > wanted.after
        AND topics.sequence <= (SELECT sequence FROM ceiling)
    ORDER BY topics.sequence LIMIT 1000
),
last (sequence) AS MATERIALIZED (
    SELECT max(sequence) FROM (
        SELECT sequence, size, sum(size) OVER (ORDER BY sequence) AS total
        FROM heard CROSS JOIN updates USING (sequence)
    ) WHERE total - size < 262144
),
page (sequence, meta, wire) AS (
    SELECT sequence, meta, 'id: ' || coalesce(id, '#' || (SELECT epoch FROM hub) || '-' || sequence) || char(10) || body
    FROM heard CROSS JOIN updates USING (sequence)
    WHERE sequence <= (SELECT sequence FROM last) ORDER BY sequence
)
SELECT epoch, (SELECT min(sequence) FROM updates),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
    EXISTS (SELECT 1 FROM ended),
    CASE WHEN (SELECT count(*) FROM heard) = 1000 OR (SELECT sequence FROM last) < (SELECT max(sequence) FROM heard)
        THEN (SELECT sequence FROM last) END,
    CASE WHEN EXISTS (SELECT 1 FROM ended) THEN (
        SELECT group_concat(sequence || ' ' || topic || char(10), '') FROM ended
        WHERE topic IN (SELECT value ->> 0 FROM json_each(?1))
            AND time >= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - (SELECT history_seconds FROM hub) * 1000) END,
    (SELECT CAST(group_concat(
        sequence || ' ' || octet_length(meta) || ' ' || octet_length(wire) || char(10) || meta || wire, ''
    ) AS BLOB) FROM page)
FROM hub
