-- Reads what follows a sequence, and where the log begins and ends. Writes nothing, so that a replica answers too.
-- KEYS: the stream, the hub.
-- ARGV: the sequence, and how many updates and about how many bytes to return at most.
-- Returns epoch, head, ends, the stream's length, whether a topic has ended, the sequence up to which the answer is whole,
-- the topics that ended in between, a line each, and the entries; nothing where there is no log.
local stream, hub = KEYS[1], KEYS[2]
local updates, bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local epoch, head, ends, has_ended = unpack(redis.call('HMGET', hub, 'epoch', 'head', 'ends', 'ended'))
if not epoch then
    return {}
end
local reply = {epoch, head, ends, redis.call('XLEN', stream), has_ended and 1 or 0, head, ''}
local from = '(' .. ARGV[1] .. '-18446744073709551615'
-- A few at first: they may be large.
local count = 8
while updates > 0 do
    count = math.min(count, updates)
    local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', count)
    for _, entry in ipairs(entries) do
        if bytes <= 0 then
            break
        end
        reply[#reply + 1] = entry
        bytes, updates = bytes - #entry[2][2] - #entry[2][4], updates - 1
    end
    if updates == 0 or bytes <= 0 then
        reply[6] = string.match(reply[#reply][1], '^%d+')
        break
    elseif #entries < count then
        break
    end
    from = '(' .. entries[#entries][1]
    count = math.min(count * 2, 256)
end
if has_ended and tonumber(ARGV[2]) > 0 then
    local ended = redis.call('ZRANGEBYSCORE', string.sub(hub, 1, -4) .. 'ended', '(' .. ARGV[1], reply[6], 'WITHSCORES')
    local lines = {}
    for at = 1, #ended, 2 do
        lines[#lines + 1] = ended[at + 1] .. ' ' .. ended[at] .. '\n'
    end
    reply[7] = table.concat(lines)
end
return reply
