-- Reads a page of the updates on topics, as one row, like after_all.sql. ?1 is a JSON array of pairs: a topic, and the
-- sequence that its updates follow. No page ends after the thousandth update of one topic alone: of a topic with a long
-- history, no more is looked at than a page can have. The fifth column is 0 where nothing follows the page. The sixth
-- has those of the topics that have ended. What SQLite keeps in a table of its own costs more than a small page.
WITH
wanted (topic, after) AS MATERIALIZED (
    SELECT value ->> 0, value ->> 1 FROM json_each(?1) WHERE value ->> 1 < (SELECT max(sequence) FROM updates)
),
heard (sequence) AS MATERIALIZED (
    SELECT DISTINCT topics.sequence
    FROM wanted CROSS JOIN topics ON topics.topic = wanted.topic AND topics.sequence > wanted.after
        AND topics.sequence <= (
            SELECT coalesce(min((
                SELECT sequence FROM topics WHERE topics.topic = wanted.topic AND topics.sequence > wanted.after
                ORDER BY topics.sequence LIMIT 1 OFFSET 999
            )), 9223372036854775807) FROM wanted)
    ORDER BY topics.sequence LIMIT 1000
),
page (sequence, meta, wire) AS (
    SELECT sequence, meta, 'id: ' || coalesce(id, '#' || (SELECT epoch FROM hub) || '-' || sequence) || char(10) || body
    FROM heard CROSS JOIN updates USING (sequence)
    WHERE sequence <= (
        SELECT CASE WHEN sum(size) < 262144 THEN max(sequence) ELSE (
            SELECT max(sequence) FROM (
                SELECT sequence, size, sum(size) OVER (ORDER BY sequence) AS total
                FROM heard CROSS JOIN updates USING (sequence))
            WHERE total - size < 262144
        ) END FROM heard CROSS JOIN updates USING (sequence))
    ORDER BY sequence
)
SELECT epoch, (SELECT min(sequence) FROM updates),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
    EXISTS (SELECT 1 FROM ended),
    (SELECT count(*) = 1000
            OR sum(size) - (SELECT size FROM updates WHERE sequence = (SELECT max(sequence) FROM heard)) >= 262144
        FROM heard CROSS JOIN updates USING (sequence)),
    CASE WHEN EXISTS (SELECT 1 FROM ended) THEN (
        SELECT group_concat(sequence || ' ' || topic || char(10), '') FROM ended
        WHERE topic IN (SELECT value ->> 0 FROM json_each(?1))
            AND time >= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - (SELECT history_seconds FROM hub) * 1000) END,
    (SELECT CAST(group_concat(
        sequence || ' ' || octet_length(meta) || ' ' || octet_length(wire) || char(10) || meta || wire, ''
    ) AS BLOB) FROM page)
FROM hub
