end
local place = #about > 0 and append() or {}

redis.call('ZADD', leases, now + lease, 'h' .. holder)
for _, id in ipairs(seen) do
    local subscriber = known[id]
    local to, was = subscriber.holder, subscriber.was or holder
    if was ~= to then
        redis.call('SREM', base .. 'h:' .. was, id)
    end
    if subscriber.changed then
        if to then
            redis.call('HSET', subscribers, id,
                table.concat({to, subscriber.ticket, subscriber.what, unpack(subscriber.follows)}, '\n'))
        else
            redis.call('HDEL', subscribers, id)
        end
        for _, listing in ipairs(subscriber.follows) do
            if to then
                redis.call('ZADD', subscriptions, 0, listing)
            else
                redis.call('ZREM', subscriptions, listing)
            end
        end
        if to == '0' then
            redis.call('ZADD', leases, now + grace, 's' .. id)
        else
            redis.call('ZREM', leases, 's' .. id)
            if to then
                redis.call('SADD', base .. 'h:' .. to, id)
            end
        end
    end
end
for _, over in ipairs(gone) do
    redis.call('ZREM', leases, over)
end
local reply = {redis.call('SCARD', base .. 'h:' .. holder), more, #back}
for _, id in ipairs(back) do
    reply[#reply + 1] = id
end
reply[#reply + 1] = #about
for _, topic in ipairs(about) do
    reply[#reply + 1] = topic
end
reply[#reply + 1], reply[#reply + 2] = place[1], place[2]
return reply
