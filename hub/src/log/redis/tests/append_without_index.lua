-- Appends updates as one, and gives out their sequences. Without updates, it makes the log where there is none.
-- KEYS: the stream, the hub, the times, and the key of each id that a publisher gave.
-- ARGV: the server's run id, a fresh epoch, how many updates and how many seconds are kept; then, of each update, its
--       id or nothing, its meta and its body.
-- Returns the first sequence and the epoch. The first write is one that is refused when memory is short, so that it is
-- all or nothing.
local stream, hub, times = KEYS[1], KEYS[2], KEYS[3]
local run, fresh, updates, seconds = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local epoch, writer, head, ends, marked = unpack(redis.call('HMGET', hub, 'epoch', 'run', 'head', 'ends', 'marked'))
local anything = #ARGV > 4

local function text(number)
    return string.format('%.0f', number)
end

if not epoch then
    redis.call('DEL', stream, times)
    epoch, head, ends, marked = fresh, 0, '', 0
elseif writer ~= run and anything then
    -- The server is not the one that wrote last: it was restarted, restored or replaced, and may have lost updates that
    -- someone has seen. Who has, is recognised by where the epoch ended.
    ends = ends .. epoch .. ' ' .. head .. ' '
    if select(2, string.gsub(ends, ' ', ' ')) > 200 then
        ends = string.gsub(ends, '^%S+ %S+ ', '', 1)
    end
    epoch = fresh
end
head, marked = tonumber(head), tonumber(marked)

local first = head + 1
local ids = {}
-- A stream lets go of a hundred entries at a time, which is cheap; of a short one that would be a large part.
local trim = updates < 1000 and '=' or '~'
for at = 5, #ARGV, 3 do
    head = head + 1
    local id, place = ARGV[at], text(head)
    if id == '' then
        id = '#' .. epoch .. '-' .. place
    else
        ids[#ids + 1] = place .. '-' .. epoch
    end
    redis.call('XADD', stream, 'MAXLEN', trim, text(updates), place .. '-' .. epoch,
        'meta', ARGV[at + 1], 'wire', 'id: ' .. id .. '\n' .. ARGV[at + 2])
end

-- How old updates are is known by marks, about a hundred in the time that is kept: a mark is a sequence, and when it was
-- given out. What is before the second mark is older than that one.
local now = tonumber(redis.call('TIME')[1])
local step = math.max(1, math.floor(seconds / 100))
local mark = anything and now - marked >= step
redis.call('HSET', hub, 'epoch', epoch, 'run', run, 'head', text(head), 'ends', ends, 'marked',
    text(mark and now or marked))
if mark then
    redis.call('RPUSH', times, text(first) .. ' ' .. text(now))
    local oldest
    while true do
        local second = redis.call('LINDEX', times, 1)
        local from, time = string.match(second or '', '(%d+) (%d+)')
        if not from or tonumber(time) >= now - seconds then
            break
        end
        redis.call('LPOP', times)
        oldest = from
    end
    if oldest then
        redis.call('XTRIM', stream, 'MINID', '=', oldest)
    end
    redis.call('EXPIRE', stream, text(seconds + step))
    redis.call('EXPIRE', times, text(seconds + step))
end

-- An id that was given before leads to its oldest update that is kept.
for at, entry in ipairs(ids) do
    local was = redis.call('GET', KEYS[3 + at])
    if not was or #redis.call('XRANGE', stream, was, was, 'COUNT', 1) == 0 then
        redis.call('SET', KEYS[3 + at], entry, 'EX', text(seconds + step))
    end
end
return {text(first), epoch}
