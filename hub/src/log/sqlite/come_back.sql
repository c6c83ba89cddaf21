-- The holder ?1 takes subscribers who show their ticket, and follow what they followed: ?2 has them, see `comes_back`.
UPDATE subscriptions SET holder = ?1, over = NULL, ticket = json_extract(arrival.value, '$[2]')
FROM json_each(?2) AS arrival
WHERE subscriber = json_extract(arrival.value, '$[0]')
    AND ticket IN (json_extract(arrival.value, '$[1]'), json_extract(arrival.value, '$[2]'))
    AND what = json_extract(arrival.value, '$[3]')
