-- Reads a page of what follows the sequence ?1, as one row: rows cross from the host one by one. The limits are
-- PAGE_UPDATES and PAGE_BYTES as literals: a bound LIMIT makes SQLite parse the statement anew each time.
-- The fourth column is where the page ends; NULL for the head.
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
    (SELECT sequence FROM last),
    (SELECT CAST(group_concat(
        sequence || ' ' || octet_length(meta) || ' ' || octet_length(wire) || char(10) || meta || wire, ''
    ) AS BLOB) FROM page)
FROM hub
