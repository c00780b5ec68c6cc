-- What the room scripts have in common; goes in after their first line.
-- KEYS[1] is the room, KEYS[2] its log, KEYS[3] its act ids.

-- Names of the room's own entries: no field begins with a NUL byte.
local VERSION, EPOCH, REPLID, FIELDS, BYTES = '\0v', '\0e', '\0r', '\0n', '\0b'
-- Log entries that are read at once, and bytes of all that are answered with.
local PAGE, MOST_BYTES = 16, 1048576

local function decimal(number)
    return string.format('%.0f', number)
end

local function replicationID()
    return string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
end

-- The room's epoch, and the true replication id when the caller's is not known to be true (else the caller's). Begins
-- a new epoch when Redis is not the one that the epoch was begun on, or has lost versions that were seen.
local function settle(version, epoch, bound, replid, fresh, seenEpoch, seenVersion, channel)
    if version == 0 then
        return '', replid
    end
    local isBehind = epoch == seenEpoch and version < seenVersion
    if bound == replid and not isBehind then
        return epoch, replid
    end
    local actual = replicationID()
    if bound == actual and not isBehind then
        return epoch, actual
    end
    redis.call('UNLINK', KEYS[2], KEYS[3])
    redis.call('HSET', KEYS[1], EPOCH, fresh, REPLID, actual)
    local at = decimal(version)
    redis.call('SPUBLISH', channel, 'p ' .. fresh .. ' ' .. at .. ' ' .. at .. ' 0\n')
    return fresh, actual
end

-- The log's entries after `first` up to `last`; nil when one is missing, or they are so many bytes that all of the room
-- is the better answer. Read in pages: what lies between may be far larger than any room.
local function entriesBetween(first, last)
    local entries, bytes = {}, 0
    while first < last do
        local page = redis.call(
            'XRANGE', KEYS[2], decimal(first + 1) .. '-0', decimal(last) .. '-0', 'COUNT', PAGE)
        for i = 1, #page do
            first = first + 1
            if page[i][1] ~= decimal(first) .. '-0' then
                return nil
            end
            for _, text in ipairs(page[i][2]) do
                bytes = bytes + #text
            end
            entries[#entries + 1] = page[i]
        end
        if #page == 0 or bytes > MOST_BYTES then
            return nil
        end
    end
    return entries
end

-- What a replica misses: the log's entries, or false and all of the room. A room that was empty when it was seen has
-- missed the first steps of whatever epoch it is in.
local function missed(version, epoch, seenEpoch, seenVersion, limit)
    if seenEpoch == '' then
        limit = math.min(limit, PAGE)
    end
    if (epoch == seenEpoch or seenEpoch == '') and version - seenVersion <= limit then
        local entries = entriesBetween(seenVersion, version)
        if entries then
            return entries, false
        end
    end
    if version == 0 then
        return false, {}
    end
    return false, redis.call('HGETALL', KEYS[1])
end
