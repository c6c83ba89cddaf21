-- Reads what follows a sequence, and where the log begins and ends. Writes nothing, so that a replica answers too.
-- KEYS: the stream, the hub.
-- ARGV: the sequence, and how many updates and about how many bytes to return at most.
-- Returns epoch, head, ends, the stream's length and the entries; nothing where there is no log.
local stream, hub = KEYS[1], KEYS[2]
local updates, bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local epoch, head, ends = unpack(redis.call('HMGET', hub, 'epoch', 'head', 'ends'))
if not epoch then
    return {}
end
local reply = {epoch, head, ends, redis.call('XLEN', stream)}
local from = '(' .. ARGV[1] .. '-18446744073709551615'
-- A few at first: they may be large.
local count = 8
while updates > 0 and bytes > 0 do
    local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', math.min(count, updates))
    for _, entry in ipairs(entries) do
        if bytes <= 0 then
            break
        end
        reply[#reply + 1] = entry
        bytes = bytes - #entry[2][2] - #entry[2][4]
    end
    if #entries < math.min(count, updates) then
        break
    end
    from = '(' .. entries[#entries][1]
    updates = updates - #entries
    count = math.min(count * 2, 256)
end
return reply
