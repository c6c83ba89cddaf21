-- Registers the listener ?1 for ?2 milliseconds, with ?3 streams, the topics ?4 added and ?5 removed, and returns the
-- census. Triggers change the interests, in the same transaction: the head is read while no one can append.
REPLACE INTO listeners (listener, lease, streams, drains, known, added, removed)
VALUES (?1, CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) + ?2, ?3,
    coalesce((SELECT drains FROM listeners
        WHERE listener = ?1 AND lease > CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)), 0),
    EXISTS (SELECT 1 FROM listeners
        WHERE listener = ?1 AND lease > CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)),
    ?4, ?5)
RETURNING (SELECT epoch FROM hub),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
    known,
    (SELECT group_concat(listener || ' ' || streams || ' ' || drains) FROM listeners
        WHERE lease > CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)),
    (SELECT nullif(drained_at, 0) FROM hub),
    (SELECT CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) - drained_at FROM hub)
