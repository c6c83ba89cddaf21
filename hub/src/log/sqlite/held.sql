-- How far the log is, how many subscribers the holder ?1 has, and whether something is over.
coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
(SELECT count(DISTINCT subscriber) FROM subscriptions WHERE holder = ?1),
EXISTS (SELECT 1 FROM subscriptions WHERE over <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER))
    OR EXISTS (SELECT 1 FROM holders WHERE lease <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER))
