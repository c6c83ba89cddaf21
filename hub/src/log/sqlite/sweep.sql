-- Ends subscriptions whose grace is over, or the lease of whose holder, 1000 at a time.
DELETE FROM subscriptions WHERE topic IN (
    SELECT topic FROM (
        SELECT topic FROM subscriptions WHERE over <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)
        UNION ALL
        SELECT topic FROM holders CROSS JOIN subscriptions USING (holder)
        WHERE lease <= CAST(unixepoch('subsec') * 1000 + 0.5 AS INTEGER)
    )
    LIMIT 1000
)
