-- Makes changes, see `attending`, of the holder ?1, whose lease is ?2 milliseconds. Returns how many subscribers it has,
-- whether something is over, the epoch, the tickets of those in ?5 who have come back, the first sequence and the topics of
-- the updates that this appended, and whom to wake for them: UDP wakes those up to 65535.
INSERT INTO attending VALUES (CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER),
    coalesce((SELECT max(sequence) FROM updates), 0), ?1, ?2, ?3, ?4, ?5, ?6, ?7)
RETURNING (SELECT count(DISTINCT subscriber) FROM subscriptions WHERE holder = ?1),
    EXISTS (SELECT 1 FROM subscriptions WHERE over <= now) OR EXISTS (SELECT 1 FROM holders WHERE lease <= now),
    (SELECT epoch FROM hub),
    (SELECT group_concat(DISTINCT value ->> 3) FROM json_each(?5) AS arrival WHERE EXISTS (
        SELECT 1 FROM subscriptions WHERE subscriber = arrival.value ->> 0 AND ticket = arrival.value ->> 3)),
    (SELECT min(sequence) FROM updates WHERE sequence > before),
    (SELECT group_concat(topic, char(10)) FROM (
        SELECT substr(meta, 2, length(meta) - 2) AS topic FROM updates WHERE sequence > before ORDER BY sequence)),
    (SELECT group_concat(listener) FROM (
        SELECT DISTINCT listener FROM interests CROSS JOIN listeners USING (listener)
        WHERE topic IN (
            SELECT '*' UNION ALL SELECT substr(meta, 2, length(meta) - 2) FROM updates WHERE sequence > before)
            AND listener BETWEEN 0 AND 65535 AND lease > now))
