-- A holder says who came, left and was let go, after what is over has ended; whatever begins or ends a subscription
-- appends the update that says so. The text of `append.lua` follows.
-- KEYS: as there. ARGV: as there, without updates; then the holder, its lease and the grace in milliseconds, how many
--       subscribers of others end at most, whether all that the holder has are named, how many arrivals there are, who
--       left and who was let go; of each arrival its subscriber, its ticket, who it says it is and the ticket that it
--       shows, what it follows, how many subscriptions that is and of each its topic and document; who left; who was
--       let go; who is named.
-- Returns how many subscribers the holder has, whether there is more to end, how many came back and their tickets, how many updates
-- were appended and their topics; and if there are some, the first sequence and the epoch.
-- Of a subscriber are kept, a line each: its holder or 0, its ticket, what it follows, and its subscriptions.
local base = string.sub(KEYS[2], 1, -4)
local subscribers, subscriptions, leases = base .. 'subscribers', base .. 'subscriptions', base .. 'leases'
local holder, lease, grace, room, whole = ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11]), ARGV[12] == '1'
local arrivals, ended, released = tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local given, updates, back, about = ARGV, {unpack(ARGV, 1, 7)}, {}, {}

-- Nothing is written before the append, which is refused when memory is short.
local known, seen = {}, {}
local function load(id)
    if known[id] == nil then
        local lines = {}
        for line in string.gmatch(redis.call('HGET', subscribers, id) or '', '[^\n]+') do
            lines[#lines + 1] = line
        end
        known[id] = {was = lines[1], holder = lines[1], ticket = lines[2], what = lines[3], follows = {unpack(lines, 4)}}
        seen[#seen + 1] = id
    end
    return known[id]
end
local function say(subscriber, active)
    for _, listing in ipairs(subscriber.follows) do
        local topic, document = string.match(listing, '^(.-)%z(.*)$')
        local at = #updates
        updates[at + 1], updates[at + 2] = '', 'p' .. topic .. '\n'
        updates[at + 3] = 'event: mercure\ndata: ' .. document .. active .. '}\n\n'
        about[#about + 1] = topic
    end
end
local function finish(id)
    local subscriber = load(id)
    if subscriber.holder then
        say(subscriber, 'false')
        subscriber.holder, subscriber.changed = nil, true
    end
end

local gone, more = {}, 0
for _, over in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now, 'LIMIT', 0, room + 1)) do
    local id = string.sub(over, 2)
    if over == 'h' .. holder then
        -- It is renewed.
    elseif room <= 0 then
        more = 1
    elseif string.sub(over, 1, 1) == 's' then
        finish(id)
        gone[#gone + 1], room = over, room - 1
    else
        local held = redis.call('SRANDMEMBER', base .. 'h:' .. id, room + 1)
        for at = 1, math.min(room, #held) do
            finish(held[at])
        end
        if #held > room then
            more = 1
        else
            gone[#gone + 1] = over
        end
        room = room - #held
    end
end

-- If the server has lost its subscribers, the holder finds that it has one less, and begins them anew.
load(redis.call('SRANDMEMBER', base .. 'h:' .. holder) or '')

local at, came = 16, {}
for number = 1, arrivals do
    local count = tonumber(given[at + 5])
    came[number], at = at, at + 6 + 2 * count
end
if whole then
    local stays = {}
    for place = at + ended + released, #given do
        stays[given[place]] = true
    end
    for _, id in ipairs(redis.call('SMEMBERS', base .. 'h:' .. holder)) do
        if not stays[id] then
            finish(id)
        end
    end
end
for place = at, at + ended - 1 do
    if load(given[place]).holder == holder then
        finish(given[place])
    end
end
for _, first in ipairs(came) do
    local id, ticket, was, shown, what, count = unpack(given, first, first + 5)
    local subscriber = was ~= '' and load(was)
    if subscriber and subscriber.holder and subscriber.what == what
        and (subscriber.ticket == shown or subscriber.ticket == ticket) then
        back[#back + 1] = ticket
    else
        subscriber = load(id)
        if not subscriber.holder then
            subscriber.what, subscriber.follows = what, {}
            for listing = 1, tonumber(count) do
                local place = first + 4 + 2 * listing
                subscriber.follows[listing] = given[place] .. '\0' .. given[place + 1]
            end
            say(subscriber, 'true')
        end
    end
    subscriber.holder, subscriber.ticket, subscriber.changed = holder, ticket, true
end
for place = at + ended, at + ended + released - 1 do
    local subscriber = load(given[place])
    if subscriber.holder == holder then
        subscriber.holder, subscriber.changed = '0', true
    end
end

local KEYS, ARGV = KEYS, updates
local function append()
