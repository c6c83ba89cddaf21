-- A holder takes over the relays whose lease is over.
-- KEYS: the relays, what relays left. ARGV: the holder, the lease in milliseconds, the topics of relays that are not
--       taken over.
-- Returns what each relay left, also those that the holder took over before: the meta, an empty line and the body.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local reply, but, all = {}, {}, redis.call('HGETALL', KEYS[1])
for at = 3, #ARGV do
    but[ARGV[at]] = true
end
for at = 1, #all, 2 do
    local holder, over = string.match(all[at + 1], '^(%d+) (%d+)$')
    if holder ~= ARGV[1] and tonumber(over or 0) <= now and not but[all[at]] then
        holder = ARGV[1]
        redis.call('HSET', KEYS[1], all[at], string.format('%s %.0f', holder, now + tonumber(ARGV[2])))
    end
    if holder == ARGV[1] then
        reply[#reply + 1] = redis.call('HGET', KEYS[2], all[at]) or ''
    end
end
return reply
