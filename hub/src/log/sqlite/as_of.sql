-- Where the log begins and ends, whether a topic has ended, and its last update before the time ?1, if it has one. What is
-- of more than a minute from now is from before the wall clock was set back.
SELECT epoch, (SELECT min(sequence) FROM updates),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
    EXISTS (SELECT 1 FROM ended),
    (SELECT sequence FROM updates WHERE time < ?1 OR time > (unixepoch() + 60) * 1000 ORDER BY sequence DESC LIMIT 1)
FROM hub
