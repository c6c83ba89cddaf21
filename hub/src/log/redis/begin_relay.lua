-- A holder holds a topic, unless the topic has ended or another one holds it. Who holds it already renews its lease.
-- KEYS: the hub, the relays, what relays left, the topics that have ended.
-- ARGV: the topic, the holder, the lease in milliseconds, the meta and the body of the update that is appended if the
--       lease runs out.
-- Returns epoch and head; `ended` or `running`; nothing where there is no log.
-- Of a relay is kept: its holder, and when its lease is over.
local hub, relays, left, ended = unpack(KEYS)
local epoch, head = unpack(redis.call('HMGET', hub, 'epoch', 'head'))
if not epoch then
    return {}
end
if redis.call('ZMSCORE', ended, ARGV[1])[1] then
    return {'ended'}
end
local relay = redis.call('HGET', relays, ARGV[1])
if relay and string.match(relay, '^%d+') ~= ARGV[2] then
    return {'running'}
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('HSET', relays, ARGV[1], string.format('%s %.0f', ARGV[2], now + tonumber(ARGV[3])))
if not relay then
    redis.call('HSET', left, ARGV[1], ARGV[4] .. '\n' .. ARGV[5])
end
return {epoch, head}
