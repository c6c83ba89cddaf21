-- Reads the updates of some topics, of each after a sequence of its own, in one order. Writes nothing.
-- KEYS: the stream, the hub, and the index of each topic.
-- ARGV: how many updates and about how many bytes to return at most, and the sequence of each topic.
-- Returns what a read returns, with those of the topics that have ended; nothing where there is no log, or not all of it is in the index.
local stream, hub = KEYS[1], KEYS[2]
local updates, bytes = tonumber(ARGV[1]), tonumber(ARGV[2])
local epoch, head, ends, indexed, has_ended, stale = unpack(redis.call('HMGET', hub, 'epoch', 'head', 'ends', 'indexed', 'ended', 'stale'))
if not epoch or indexed ~= head then
    return {}
end
-- The key of a topic's index is that of the hub with `t:` and the topic in place of `hub`.
local named = #hub

-- Moves a cursor to the next place in its index, which it reads a few at first. False after the last.
local function advance(cursor)
    cursor.at = cursor.at + 1
    if not cursor.places[cursor.at] and not cursor.whole then
        cursor.places = redis.call('ZRANGEBYSCORE', cursor.key, '(' .. cursor.next, '+inf', 'LIMIT', 0, cursor.count)
        cursor.at, cursor.whole = 1, #cursor.places < cursor.count
        cursor.count = math.min(cursor.count * 4, 256)
    end
    cursor.next = cursor.places[cursor.at]
    cursor.order = tonumber(cursor.next or nil)
    return cursor.order
end

-- The cursors as a heap: the first is at the lowest sequence.
local heap = {}
for at = 3, #KEYS do
    local cursor = {key = KEYS[at], next = ARGV[at], places = {}, at = 0, count = 8}
    if advance(cursor) then
        heap[#heap + 1] = cursor
    end
end
table.sort(heap, function(one, other) return one.order < other.order end)
local function sink(cursor)
    local at, size = 1, #heap
    while true do
        local child = at * 2
        if child < size and heap[child + 1].order < heap[child].order then
            child = child + 1
        end
        if child > size or heap[child].order >= cursor.order then
            break
        end
        heap[at], at = heap[child], child
    end
    heap[at] = cursor
end

-- What is too old is trimmed by and by, and its index may have expired.
local kept = math.min(redis.call('XLEN', stream), head - (stale or 0) + 1)
local reply = {epoch, head, ends, kept, has_ended and 1 or 0, head, ''}
if has_ended and #KEYS > 2 then
    local topics, lines = {}, {}
    for at = 3, #KEYS do
        topics[#topics + 1] = string.sub(KEYS[at], named)
    end
    for at, sequence in ipairs(redis.call('ZMSCORE', string.sub(hub, 1, -4) .. 'ended', unpack(topics))) do
        if sequence then
            lines[#lines + 1] = sequence .. ' ' .. topics[at] .. '\n'
        end
    end
    reply[7] = table.concat(lines)
end
local done
while heap[1] do
    local cursor = heap[1]
    if updates == 0 or bytes <= 0 then
        reply[6] = done
        break
    end
    if cursor.next ~= done then
        -- The update may be gone, and another one have its sequence.
        local entry = redis.call('XRANGE', stream, cursor.next, cursor.next, 'COUNT', 1)[1]
        local topic = '\n' .. string.sub(cursor.key, named) .. '\n'
        if entry and string.find('\n' .. string.sub(entry[2][2], 2), topic, 1, true) then
            reply[#reply + 1], done = entry, cursor.next
            bytes, updates = bytes - #entry[2][2] - #entry[2][4], updates - 1
        end
    end
    if advance(cursor) then
        sink(cursor)
    else
        cursor = table.remove(heap)
        if heap[1] then
            sink(cursor)
        end
    end
end
return reply
