-- Notes that listeners are to end their streams, unless some were told so a moment ago.
-- KEYS: the hub, the listeners. ARGV: how many milliseconds ago, and the listeners.
-- Returns whether any was told.
local hub, listeners = KEYS[1], KEYS[2]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local drained = tonumber(redis.call('HGET', hub, 'drained') or nil)
if drained and math.abs(now - drained) < tonumber(ARGV[1]) then
    return 0
end
local told = 0
for at = 2, #ARGV do
    local value = redis.call('HGET', listeners, ARGV[at])
    local before, after = string.match(value or '', '^(%d+ %d+ )%d( .+)$')
    if before then
        redis.call('HSET', listeners, ARGV[at], before .. '1' .. after)
        -- It reads that when it renews its lease, which it does soon now.
        local wake = string.sub(hub, 1, -4) .. 'w:' .. ARGV[at]
        redis.call('XADD', wake, 'MAXLEN', '~', '256', '*', 'topics', '\1renew', 'position', '0-0')
        redis.call('EXPIRE', wake, 60)
        told = 1
    end
end
if told == 1 then
    redis.call('HSET', hub, 'drained', string.format('%.0f', now))
end
return told
