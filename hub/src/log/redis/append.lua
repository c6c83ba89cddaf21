-- Appends updates as one, and gives out their sequences. Without updates, it makes the log where there is none, and
-- completes its index.
-- KEYS: the stream, the hub, the times, the recent times, the listeners, and the key of each id that a publisher gave.
--       The keys of topics and listeners begin like that of the hub, and so are in the same slot.
-- ARGV: the server's run id, a fresh epoch, how many updates, seconds, bytes and ends are kept, which updates are the
--       last of their topics, as numbers from 1 on, each after a space; then, of each update, its id or nothing, its
--       meta and its body.
-- Returns the first sequence and the epoch; or `ended` and a topic that has ended, before any write. The first write is one that is refused when memory is short, so that it is
-- all or nothing.
local stream, hub, times, recents, listeners = unpack(KEYS, 1, 5)
local base = string.sub(hub, 1, -4)
local run, fresh = ARGV[1], ARGV[2]
local updates, seconds, volume = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local remembered, lasts = tonumber(ARGV[6]), ARGV[7]
local added = (#ARGV - 7) / 3
local step = math.max(1, math.floor(seconds / 100))

local function text(number)
    return string.format('%.0f', number)
end
local expiry = text(seconds + step)

local epoch, writer, head, ends, marked, indexed, bytes, counted, stale, recent, has_ended = unpack(redis.call('HMGET',
    hub, 'epoch', 'run', 'head', 'ends', 'marked', 'indexed', 'bytes', 'counted', 'stale', 'recent', 'ended'))
local ended = base .. 'ended'
if epoch and (has_ended or lasts ~= '') then
    local topics = {}
    for at = 8, #ARGV, 3 do
        for topic in string.gmatch(string.sub(ARGV[at + 1], 2), '([^\n]*)\n') do
            topics[#topics + 1] = topic
        end
    end
    for at = 1, #topics, 1000 do
        local last = math.min(at + 999, #topics)
        for place, sequence in ipairs(redis.call('ZMSCORE', ended, unpack(topics, at, last))) do
            if sequence and tonumber(sequence) >= tonumber(stale or 0) then
                return {'ended', topics[at + place - 1]}
            end
        end
    end
end
if not epoch then
    redis.call('DEL', stream, times, recents, ended)
    epoch, writer, head, ends, marked, indexed, bytes, counted, stale, recent = fresh, run, 0, '', 0, 0, 0, 0, 0, 0
elseif writer ~= run and added > 0 then
    -- The server is not the one that wrote last: it was restarted, restored or replaced, and may have lost updates that
    -- someone has seen. Who has, is recognised by where the epoch ended.
    ends = ends .. epoch .. ' ' .. head .. ' '
    if select(2, string.gsub(ends, ' ', ' ')) > 200 then
        ends = string.gsub(ends, '^%S+ %S+ ', '', 1)
    end
    epoch, writer = fresh, run
end
head, marked, indexed = tonumber(head), tonumber(marked), tonumber(indexed or nil)
bytes, counted = tonumber(bytes or 0), tonumber(counted or 0)
stale, recent = tonumber(stale or 0), tonumber(recent or 0)
local first = head + 1

-- The sequences of each topic, twice each: a score and a member. The index is a hint, as a wake-up is: whoever reads it
-- looks at the update too.
local about = {}
local function note(sequence, meta)
    for topic in string.gmatch(string.sub(meta, 2), '([^\n]*)\n') do
        local list = about[topic] or {}
        list[#list + 1], list[#list + 2] = sequence, sequence
        about[topic] = list
    end
end
local function index()
    for topic, list in pairs(about) do
        local key = base .. 't:' .. topic
        for at = 1, #list, 1000 do
            redis.call('ZADD', key, unpack(list, at, math.min(at + 999, #list)))
        end
        -- Silence delays what makes updates too old, twice at most, and they expire after the third.
        redis.call('EXPIRE', key, 3 * expiry)
    end
end
local function pages(from, size, visit)
    repeat
        local entries = redis.call('XRANGE', stream, from, '+', 'COUNT', size)
        for _, entry in ipairs(entries) do
            local meta, wire = entry[2][2], entry[2][4] or ''
            if not visit(string.match(entry[1], '^%d+'), meta, #meta + #wire) then
                return
            end
            from = '(' .. entry[1]
        end
    until #entries < size
end

-- A release without an index wrote the rest.
local behind = indexed ~= head
if behind then
    pages('(' .. text(indexed or 0) .. '-18446744073709551615', 500, function(sequence, meta, size)
        note(sequence, meta)
        bytes, counted = bytes + size, counted + 1
        return true
    end)
    index()
    about = {}
end
-- Some were deleted or expired: the others are taken to be of the same size.
local length = redis.call('XLEN', stream)
if counted > length then
    bytes = math.floor(bytes * length / counted)
end

-- The index first: who may not write it, or has no memory for it, has then written nothing that counts.
for at = 8, #ARGV, 3 do
    note(text(head + (at - 5) / 3), ARGV[at + 1])
end
index()
if lasts ~= '' then
    redis.call('ZREMRANGEBYRANK', ended, 0, -1 - remembered)
    for last in string.gmatch(lasts, '%d+') do
        local sequence = text(first + tonumber(last) - 1)
        for topic in string.gmatch(string.sub(ARGV[tonumber(last) * 3 + 6], 2), '([^\n]*)\n') do
            redis.call('ZADD', ended, sequence, topic)
            -- Its relay, if it had one, has nothing more to do.
            redis.call('HDEL', base .. 'relays', topic)
            redis.call('HDEL', base .. 'left', topic)
        end
    end
    redis.call('EXPIRE', ended, expiry)
    redis.call('HSET', hub, 'ended', '1')
    has_ended = true
end
local ids = {}
for at = 8, #ARGV, 3 do
    head = head + 1
    local id, meta, sequence = ARGV[at], ARGV[at + 1], text(head)
    local entry = sequence .. '-' .. epoch
    if id == '' then
        id = '#' .. epoch .. '-' .. sequence
    else
        ids[#ids + 1] = entry
    end
    local wire = 'id: ' .. id .. '\n' .. ARGV[at + 2]
    redis.call('XADD', stream, entry, 'meta', meta, 'wire', wire)
    bytes, length = bytes + #meta + #wire, length + 1
end

local time = redis.call('TIME')
local now, milliseconds = tonumber(time[1]), tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- How old updates are is known by marks, about a hundred in the time that is kept: a mark is a sequence, and when it
-- was given out. What is before the second mark is older than that one.
local mark = added > 0 and now - marked >= step
if mark then
    marked = now
    redis.call('RPUSH', times, text(first) .. ' ' .. text(now))
    while true do
        local from, at = string.match(redis.call('LINDEX', times, 1) or '', '(%d+) (%d+)')
        if not from or tonumber(at) >= now - seconds then
            break
        end
        redis.call('LPOP', times)
        stale = tonumber(from)
    end
    redis.call('EXPIRE', stream, expiry)
    redis.call('EXPIRE', times, expiry)
    if has_ended then
        redis.call('ZREMRANGEBYSCORE', ended, '-inf', '(' .. text(stale))
        if redis.call('EXPIRE', ended, expiry) == 0 then
            redis.call('HDEL', hub, 'ended')
        end
    end
end
-- And where the log was a moment ago, by marks that are closer to each other: what a mark begins was appended within
-- 1 ms. Of what another release appended it is not known when: the mark begins before that.
local since = milliseconds - recent
if added > 0 and since ~= 0 or behind then
    recent = milliseconds
    redis.call('RPUSH', recents, text(behind and indexed and indexed + 1 or first) .. ' ' .. text(recent))
    redis.call('LTRIM', recents, -4096, -1)
    redis.call('EXPIRE', recents, 60)
end
redis.call('HSET', hub, 'epoch', epoch, 'run', writer, 'head', text(head), 'ends', ends, 'marked', text(marked),
    'indexed', text(head), 'bytes', text(bytes), 'counted', text(length), 'stale', text(stale), 'recent', text(recent))

-- The oldest go, and what the index has of them: some at a time, which is cheap; of a short history that would be a
-- large part. What is far too much goes in several appends.
local short = updates < 1000
local surplus = math.max(length - updates, stale - (head - length + 1))
if surplus >= (short and 1 or 16) or stale > head - length + 1 or bytes > volume + volume / 64 then
    local room, last, gone = short and length or 64 + 2 * added, nil, {}
    pages('-', 16, function(sequence, meta, size)
        if room == 0 or length <= 1 or surplus <= 0 and bytes <= volume then
            return false
        end
        room, length, surplus, bytes, last = room - 1, length - 1, surplus - 1, math.max(bytes - size, 0), sequence
        for topic in string.gmatch(string.sub(meta, 2), '([^\n]*)\n') do
            gone[topic] = true
        end
        return true
    end)
    if last then
        redis.call('XTRIM', stream, 'MINID', '=', text(tonumber(last) + 1))
        for topic in pairs(gone) do
            redis.call('ZREMRANGEBYSCORE', base .. 't:' .. topic, '-inf', last)
        end
        redis.call('HSET', hub, 'bytes', text(bytes), 'counted', text(length))
    end
end

-- An id that was given before leads to its oldest update that is kept.
for at, entry in ipairs(ids) do
    local was = redis.call('GET', KEYS[5 + at])
    if not was or #redis.call('XRANGE', stream, was, was, 'COUNT', 1) == 0 then
        redis.call('SET', KEYS[5 + at], entry, 'EX', expiry)
    end
end

-- Who registered one of the topics is told once, of those that it registered.
local heard, leases = {}, {}
local function wake(topic, last)
    local key = base .. 'l:' .. topic
    for _, listener in ipairs(redis.call('SMEMBERS', key)) do
        if not leases[listener] then
            local lease = redis.call('HGET', listeners, listener)
            leases[listener] = tonumber(string.match(lease or '', '^%d+') or 0)
        end
        if leases[listener] <= milliseconds then
            redis.call('SREM', key, listener)
        else
            local told = heard[listener] or {last = 0}
            told[#told + 1], told.last = topic, math.max(told.last, last)
            heard[listener] = told
        end
    end
end
if added > 0 then
    for topic, list in pairs(about) do
        wake(topic, tonumber(list[#list]))
    end
    wake('*', head)
end
for listener, told in pairs(heard) do
    local key = base .. 'w:' .. listener
    redis.call('XADD', key, 'MAXLEN', '~', '256', '*', 'topics', table.concat(told, '\n'), 'position',
        text(told.last) .. '-' .. epoch)
    redis.call('EXPIRE', key, 60)
end
return {text(first), epoch}
