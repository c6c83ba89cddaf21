-- Registers a listener, or renews its lease. Forgets those whose lease is over.
-- KEYS: the hub, the listeners. The keys of topics begin like that of the hub.
-- ARGV: the server's run id, the listener, how many streams it has, the lease in milliseconds, for how many
--       milliseconds it is known, for how many seconds a topic is; how many topics are added; those, and then those
--       that are removed.
-- Returns epoch, head, whether the listener was known, when streams were told to gather and how many milliseconds ago,
-- which is empty for never, and of each listener its name, its streams and whether it is to end them; nothing where there
-- is no log.
-- Of a listener is kept: when its lease is over, its streams, whether it is to end them, since when it is known, and to
-- which run of the server.
local hub, listeners = KEYS[1], KEYS[2]
local base = string.sub(hub, 1, -4)
local run, listener, streams, lease, known = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local expiry, added = ARGV[6], tonumber(ARGV[7])
local epoch, head, drained = unpack(redis.call('HMGET', hub, 'epoch', 'head', 'drained'))
if not epoch then
    return {}
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local since, drains = now, '0'
local reply = {epoch, head, 0, drained or '', drained and string.format('%.0f', now - tonumber(drained)) or ''}
local all = redis.call('HGETALL', listeners)
for at = 1, #all, 2 do
    local over, has, told, began, ran = string.match(all[at + 1], '^(%d+) (%d+) (%d) (%d+) (%S+)$')
    if not over or tonumber(over) <= now then
        redis.call('HDEL', listeners, all[at])
        redis.call('DEL', base .. 'w:' .. all[at])
    elseif all[at] ~= listener then
        reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = all[at], has, told
    else
        drains = told
        -- One that was known for long is to register its topics again, so that their keys do not expire; and with
        -- another run of the server, which may have lost what was registered last.
        if now - tonumber(began) < known and ran == run then
            reply[3], since = 1, tonumber(began)
        end
    end
end
reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = listener, streams, drains
redis.call('HSET', listeners, listener, string.format('%.0f %s %s %.0f %s', now + lease, streams, drains, since, run))
redis.call('EXPIRE', listeners, expiry)
for at = 8, #ARGV do
    local key = base .. 'l:' .. ARGV[at]
    if at < 8 + added then
        redis.call('SADD', key, listener)
        redis.call('EXPIRE', key, expiry)
    else
        redis.call('SREM', key, listener)
    end
end
return reply
