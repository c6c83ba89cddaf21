-- Where the log begins and ends, and whether a topic has ended.
SELECT epoch, (SELECT min(sequence) FROM updates),
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'updates'), 0),
    EXISTS (SELECT 1 FROM ended)
FROM hub
