-- Lists subscriptions by their topics.
-- KEYS: the hub, the subscriptions, the leases. ARGV: the first topic, the end of them, and how many.
-- Returns epoch and head, how much is over (0 or 1), and the subscriptions: the topic, NUL and the document; nothing where
-- there is no log.
local epoch, head = unpack(redis.call('HMGET', KEYS[1], 'epoch', 'head'))
if not epoch then
    return {}
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local over = #redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now, 'LIMIT', 0, 1)
return {epoch, head, over, redis.call('ZRANGEBYLEX', KEYS[2], '[' .. ARGV[1], '(' .. ARGV[2], 'LIMIT', 0, ARGV[3])}
