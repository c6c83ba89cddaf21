-- Finds the update with an id that a publisher gave. KEYS: the stream, the id's key. Returns the entry's id, or nil.
local entry = redis.call('GET', KEYS[2])
if entry and #redis.call('XRANGE', KEYS[1], entry, entry, 'COUNT', 1) == 1 then
    return entry
end
return false
