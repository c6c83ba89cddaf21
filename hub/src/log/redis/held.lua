-- Which of some topics a holder holds. Renews their leases.
-- KEYS: the relays. ARGV: the holder; for how many milliseconds the leases are renewed, 0 for not at all; the topics.
-- Returns the topics that it holds.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local held = {}
for at = 3, #ARGV do
    local relay = redis.call('HGET', KEYS[1], ARGV[at])
    if relay and string.match(relay, '^%d+') == ARGV[1] then
        held[#held + 1] = ARGV[at]
        if ARGV[2] ~= '0' then
            redis.call('HSET', KEYS[1], ARGV[at], string.format('%s %.0f', ARGV[1], now + tonumber(ARGV[2])))
        end
    end
end
return held
