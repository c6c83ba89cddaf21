-- Begins subscriptions of the holder ?1, apart from those of subscribers who have come back: ?2 has them, see `begins`.
-- Those that are there already are held again.
INSERT INTO subscriptions (holder, subscriber, ticket, what, topic, document)
SELECT ?1, json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'),
    json_extract(value, '$[4]'), json_extract(value, '$[5]')
FROM json_each(?2) AS arrival
WHERE NOT EXISTS (
    SELECT 1 FROM subscriptions
    WHERE subscriber = json_extract(arrival.value, '$[0]') AND ticket = json_extract(arrival.value, '$[2]'))
ON CONFLICT DO UPDATE SET holder = excluded.holder, ticket = excluded.ticket, over = NULL
