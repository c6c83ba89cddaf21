-- Notes that listeners are to end their streams, and no others, unless some were told so a moment ago.
-- KEYS: the hub, the listeners. ARGV: how many milliseconds ago, and the listeners.
-- Returns whether any was told.
local hub, listeners = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local drained = tonumber(redis.call('HGET', hub, 'drained') or nil)
if drained and math.abs(now - drained) < tonumber(ARGV[1]) then
    return 0
end
local all, told, chosen = redis.call('HGETALL', listeners), 0, {}
for at = 2, #ARGV do
    chosen[ARGV[at]] = true
end
for at = 1, #all, 2 do
    told = chosen[all[at]] and 1 or told
end
if told == 0 then
    return 0
end
for at = 1, #all, 2 do
    local before, after = string.match(all[at + 1], '^(%d+ %d+ )%d( .+)$')
    if before then
        redis.call('HSET', listeners, all[at], before .. (chosen[all[at]] and '1' or '0') .. after)
    end
    if before and chosen[all[at]] then
        -- It reads that when it renews its lease, which it does soon now.
        local wake = string.sub(hub, 1, -4) .. 'w:' .. all[at]
        redis.call('XADD', wake, 'MAXLEN', '~', '256', '*', 'topics', '\1renew', 'position', '0-0')
        redis.call('EXPIRE', wake, 60)
    end
end
redis.call('HSET', hub, 'drained', string.format('%.0f', now))
return 1
