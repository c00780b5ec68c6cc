#!lua
-- Commits one act to a room: check, write, log, publish.
--
-- KEYS  1 room   2 its log   3 its act ids   4 what gives the right to act: a session, the room's lease, or (for a
--       backend, which needs none) the room   5 how many rooms the user has begun; else as 4. Room, session and user
--       have a hash tag each: this script is for a Redis that holds all of them; there an act cannot slip in after an
--       acknowledged logout.
-- ARGV  1 channel   2 act id; empty for a tick, which is not remembered   3 user id; empty for a backend and a tick
--       4 'session', 'lease' or 'backend'   5 the session's generation, the lease's token, or what the
--       backend calls itself (may be empty)
--       6 replication id as the node knows it   7 an epoch to begin if one must be
--       8, 9 epoch and version of the node's replica   10 how many reads follow   11 'act' or 'refusal'
--       12 idle time of a room in ms   13 length of the log   14 most fields   15 most bytes
--       16 most rooms that a user begins in an hour; for a lease, which the commit renews, its life in ms
--       then a name and a version for each read (an absent field is at 0; the name '' is the room itself),
--       then a name and a value for each change (the empty value deletes)
-- Returns one of
--       {'session'}                                        the session may not act
--       {'lease'}                                          somebody else ticks this room, or nobody
--       {'known', epoch, version}                          this id was applied before
--       {'applied', replid, epoch, version}
--       {'current', replid}                                a refusal that was decided on what is still true
--       {'too_large', replid, 'fields' or 'bytes'}
--       {'too_many_rooms', replid, ms until another may be begun}
--       {'conflict', replid, epoch, version, entries or false, room or false}   and what the replica missed

local REMEMBERED = 128
-- Keys are given their time to live at a user's first act and once in so many seconds after it, not with every act.
local RENEWAL = math.min(60, math.floor(tonumber(ARGV[12]) / 8000))
local HOUR = 3600
local FIRST = 17

local channel, id, user = ARGV[1], ARGV[2], ARGV[3]
local authority = ARGV[4]
local seenEpoch, seenVersion = ARGV[8], tonumber(ARGV[9])
local firstChange = FIRST + 2 * tonumber(ARGV[10])

if authority == 'session' then
    local session = redis.call('HMGET', KEYS[4], 'login', 'gen', 'user')
    if session[1] ~= '1' or session[2] ~= ARGV[5] or session[3] ~= user then
        return {'session'}
    end
elseif authority == 'lease' and redis.call('GET', KEYS[4]) ~= ARGV[5] then
    return {'lease'}
end

local names = {VERSION, EPOCH, REPLID, FIELDS, BYTES}
for i = FIRST, #ARGV, 2 do
    names[#names + 1] = ARGV[i]
end
local stored = redis.call('HMGET', KEYS[1], unpack(names))
local version = tonumber(stored[1]) or 0

local ring = version > 0 and id ~= '' and redis.call('HGET', KEYS[3], user)
if ring then
    local _, last = string.find(ring, '\n' .. id .. '\t', 1, true)
    if last then
        return {'known', stored[2], tonumber(string.match(ring, '^%d+', last + 1))}
    end
end

local epoch, actual = settle(version, stored[2], stored[3], ARGV[6], ARGV[7], seenEpoch, seenVersion, channel)
if epoch ~= stored[2] then
    ring = false
end

local isCurrent = epoch == seenEpoch
if isCurrent then
    local at = 6
    for i = FIRST, firstChange - 1, 2 do
        local now
        if ARGV[i] == '' then
            now = decimal(version)
        else
            now = stored[at] and string.match(stored[at], '^%d+') or '0'
        end
        if now ~= ARGV[i + 1] then
            isCurrent = false
            break
        end
        at = at + 1
    end
end
if not isCurrent then
    local entries, room = missed(version, epoch, seenEpoch, seenVersion, tonumber(ARGV[13]))
    return {'conflict', actual, epoch, version, entries, room}
end
if ARGV[11] == 'refusal' then
    return {'current', actual}
end

local fields, bytes = tonumber(stored[4]) or 0, tonumber(stored[5]) or 0
local fieldsBefore, bytesBefore = fields, bytes
local at = 6 + (firstChange - FIRST) / 2
for i = firstChange, #ARGV, 2 do
    local name, value, old = ARGV[i], ARGV[i + 1], stored[at]
    if old then
        fields = fields - 1
        bytes = bytes - #name - #old + string.find(old, ':', 1, true)
    end
    if value ~= '' then
        fields = fields + 1
        bytes = bytes + #name + #value
    end
    at = at + 1
end
if fields > tonumber(ARGV[14]) and fields > fieldsBefore then
    return {'too_large', actual, 'fields'}
end
if bytes > tonumber(ARGV[15]) and bytes > bytesBefore then
    return {'too_large', actual, 'bytes'}
end

if version == 0 then
    if authority == 'session' then
        local begun = redis.call('INCR', KEYS[5])
        if begun == 1 then
            redis.call('EXPIRE', KEYS[5], HOUR)
        elseif begun > tonumber(ARGV[16]) then
            redis.call('DECR', KEYS[5])
            return {'too_many_rooms', actual, redis.call('PTTL', KEYS[5])}
        end
    end
    epoch, actual = ARGV[7], replicationID()
    redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3])
    redis.call('HSET', KEYS[1], EPOCH, epoch, REPLID, actual)
end
local from = decimal(version)
version = version + 1
local to = decimal(version)

local actor = user .. '\n' .. id
if authority == 'backend' and ARGV[5] ~= '' then
    actor = actor .. '\n' .. ARGV[5]
end
local entry = {to .. '-0', '\0', actor}
local set = {VERSION, to, FIELDS, decimal(fields), BYTES, decimal(bytes)}
local deleted = {}
local message = {'p ', epoch, ' ', from, ' ', to, ' ', (#ARGV - firstChange + 1) / 2, '\n'}
for i = firstChange, #ARGV, 2 do
    local name, value = ARGV[i], ARGV[i + 1]
    entry[#entry + 1] = name
    entry[#entry + 1] = value
    if value == '' then
        deleted[#deleted + 1] = name
    else
        set[#set + 1] = name
        set[#set + 1] = to .. ':' .. value
    end
    local m = #message
    message[m + 1] = #name
    message[m + 2] = ' '
    message[m + 3] = #value
    message[m + 4] = ' '
    message[m + 5] = name
    message[m + 6] = value
end

redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[13], unpack(entry))
redis.call('HSET', KEYS[1], unpack(set))
if #deleted > 0 then
    redis.call('HDEL', KEYS[1], unpack(deleted))
end
if authority == 'lease' then
    redis.call('PEXPIRE', KEYS[4], ARGV[16])
end
if id == '' then
    if redis.call('PTTL', KEYS[2]) < 0 then
        redis.call('PEXPIRE', KEYS[1], ARGV[12])
        redis.call('PEXPIRE', KEYS[2], ARGV[12])
    end
    redis.call('SPUBLISH', channel, table.concat(message))
    return {'applied', actual, epoch, version}
end

local now = tonumber(redis.call('TIME')[1])
local count, body, renewed, isDue = 0, '', now, true
if ring then
    local stamp, kept, start = string.match(ring, '^(%d+) (%d+)()')
    if stamp and now - tonumber(stamp) <= HOUR + RENEWAL then
        count = tonumber(kept)
        if now - tonumber(stamp) < RENEWAL then
            renewed, isDue = tonumber(stamp), false
        end
        if count >= REMEMBERED then
            start = string.find(ring, '\n', start + 1, true)
            count = count - 1
        end
        body = string.sub(ring, start)
    end
else
    -- One more user: a few others are looked at, so that those who left do not pile up.
    local others = redis.call('HRANDFIELD', KEYS[3], 4, 'WITHVALUES')
    for i = 1, #others, 2 do
        if now - (tonumber(string.match(others[i + 1], '^%d+')) or 0) > HOUR + RENEWAL then
            redis.call('HDEL', KEYS[3], others[i])
        end
    end
end
redis.call('HSET', KEYS[3], user, decimal(renewed) .. ' ' .. (count + 1) .. body .. '\n' .. id .. '\t' .. to)
if isDue then
    redis.call('PEXPIRE', KEYS[1], ARGV[12])
    redis.call('PEXPIRE', KEYS[2], ARGV[12])
    redis.call('EXPIRE', KEYS[3], HOUR + RENEWAL)
end
redis.call('SPUBLISH', channel, table.concat(message))
return {'applied', actual, epoch, version}
