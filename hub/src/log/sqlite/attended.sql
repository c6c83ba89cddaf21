-- Then the epoch, the tickets of those in ?2, see `comes_back`, who have come back, and the topics of the updates after the
-- sequence ?3.
, epoch, (
    SELECT group_concat(json_extract(value, '$[2]')) FROM json_each(?2) AS arrival WHERE EXISTS (
        SELECT 1 FROM subscriptions
        WHERE subscriber = json_extract(arrival.value, '$[0]') AND ticket = json_extract(arrival.value, '$[2]'))
), (
    SELECT group_concat(topic, char(10)) FROM (
        SELECT substr(meta, 2, length(meta) - 2) AS topic FROM updates WHERE sequence > ?3 ORDER BY sequence)
) FROM hub
