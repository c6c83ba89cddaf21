-- Where the log ended, and the subscriptions whose topics are from ?1 on and before ?2, at most ?3, and
-- whether something is over.
SELECT epoch, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0), (
    SELECT group_concat(topic || char(10) || document, char(10)) FROM (
        SELECT topic, document FROM subscriptions WHERE topic >= ?1 AND topic < ?2 ORDER BY topic LIMIT ?3)
),
EXISTS (SELECT 1 FROM subscriptions WHERE over <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER))
    OR EXISTS (SELECT 1 FROM holders WHERE lease <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER))
FROM hub
