-- The holder ?2 holds the topic ?1 for ?3 milliseconds, unless the topic has ended or is held. ?4 and ?5 are the meta and
-- the body of the update that is appended if the lease runs out. Returns where the log ends, or nothing.
INSERT INTO relays (topic, holder, lease, meta, body)
SELECT ?1, ?2, CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER) + ?3, ?4, ?5
WHERE NOT EXISTS (SELECT 1 FROM ended WHERE topic = ?1)
ON CONFLICT DO NOTHING
RETURNING (SELECT epoch FROM hub), coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0)
