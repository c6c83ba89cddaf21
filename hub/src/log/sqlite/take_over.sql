-- The holder ?1 takes over the relays whose lease is over, for ?2 milliseconds, but for those to the topics ?3.
UPDATE relays SET lease = CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) + ?2, holder = ?1
WHERE lease <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) AND holder <> ?1
    AND topic NOT IN (SELECT value FROM json_each(?3))
