-- Reads a page of what follows the sequence ?1, as one row: rows cross from the host one by one. The limits are
-- PAGE_UPDATES and PAGE_BYTES as literals: a bound LIMIT makes SQLite parse the statement anew each time.
-- The fifth column is 0 where nothing follows the page: of this one, nobody knows. The sixth has the topics that ended in
-- between.
WITH
last (sequence) AS MATERIALIZED (
    SELECT max(sequence)
    FROM (SELECT sequence, total - size AS before FROM updates WHERE sequence > ?1 ORDER BY sequence LIMIT 1000)
    WHERE before < (SELECT total - size FROM updates WHERE sequence > ?1 ORDER BY sequence LIMIT 1) + 262144
),
page (sequence, meta, wire) AS (
    SELECT sequence, meta, 'id: ' || coalesce(id, '#' || (SELECT epoch FROM hub) || '-' || sequence) || char(10) || body
    FROM updates WHERE sequence > ?1 AND sequence <= (SELECT sequence FROM last) ORDER BY sequence
)
SELECT epoch, (SELECT min(sequence) FROM updates),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
    EXISTS (SELECT 1 FROM ended),
    1,
    (SELECT group_concat(sequence || ' ' || topic || char(10), '') FROM ended
        WHERE sequence > ?1 AND sequence <= coalesce((SELECT sequence FROM last), 9223372036854775807)
            AND time >= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - (SELECT history_seconds FROM hub) * 1000),
    (SELECT CAST(group_concat(
        sequence || ' ' || octet_length(meta) || ' ' || octet_length(wire) || char(10) || meta || wire, ''
    ) AS BLOB) FROM page)
FROM hub
