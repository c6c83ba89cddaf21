-- Which topics a holder holds. Renews its leases.
-- KEYS: the relays. ARGV: the holder; for how many milliseconds its leases are renewed, 0 for not at all.
-- Returns the topics.
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local held, all = {}, redis.call('HGETALL', KEYS[1])
for at = 1, #all, 2 do
    if string.match(all[at + 1], '^%d+') == ARGV[1] then
        held[#held + 1] = all[at]
        if ARGV[2] ~= '0' then
            redis.call('HSET', KEYS[1], all[at], string.format('%s %.0f', ARGV[1], now + tonumber(ARGV[2])))
        end
    end
end
return held
