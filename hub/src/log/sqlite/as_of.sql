-- Where the log begins and ends, whether a topic has ended, and its last update before the time ?1, if it has one.
SELECT epoch, (SELECT min(sequence) FROM updates),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
    EXISTS (SELECT 1 FROM ended),
    (SELECT sequence FROM updates WHERE time < ?1 ORDER BY sequence DESC LIMIT 1)
FROM hub
