-- Where the log begins and ends, and its last update before the time ?1, if it has one.
SELECT epoch, (SELECT min(sequence) FROM updates),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
    (SELECT sequence FROM updates WHERE time < ?1 ORDER BY sequence DESC LIMIT 1)
FROM hub
