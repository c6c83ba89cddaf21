-- Reads where the log is and was. Writes nothing.
-- KEYS: the stream, the hub, the recent times. ARGV: of how many milliseconds the marks are wanted.
-- Returns epoch, head, ends, the stream's length, whether a topic has ended, the time in milliseconds, and marks, the last before that time and
-- all after it: a first sequence, and when it was given out. Nothing where there is no log, or an update of which
-- nothing is known.
local epoch, head, ends, indexed, ended = unpack(redis.call('HMGET', KEYS[2], 'epoch', 'head', 'ends', 'indexed', 'ended'))
if not epoch or indexed ~= head then
    return {}
end
local time = redis.call('TIME')
local milliseconds = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local marks = redis.call('LRANGE', KEYS[3], 0, -1)
local from = #marks
while from > 1 and tonumber(string.match(marks[from], ' (%d+)')) >= milliseconds - tonumber(ARGV[1]) do
    from = from - 1
end
return {epoch, head, ends, redis.call('XLEN', KEYS[1]), ended and 1 or 0, string.format('%.0f', milliseconds),
    unpack(marks, math.max(from, 1))}
