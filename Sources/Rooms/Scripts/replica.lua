-- What the room scripts have in common; goes in after their first line.
-- KEYS[1] is the room, KEYS[2] its log, KEYS[3] its act ids.

-- Names of the room's own entries: no field begins with a NUL byte.
local VERSION, EPOCH, REPLID, FIELDS, BYTES = '\0v', '\0e', '\0r', '\0n', '\0b'

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

-- What a replica misses: the log's entries, or false and all of the room.
local function missed(version, epoch, seenEpoch, seenVersion, limit)
    if epoch == seenEpoch and version - seenVersion <= limit then
        if version == seenVersion then
            return {}, false
        end
        local entries = redis.call('XRANGE', KEYS[2], decimal(seenVersion + 1) .. '-0', decimal(version) .. '-0')
        if #entries == version - seenVersion then
            return entries, false
        end
    end
    if version == 0 then
        return false, {}
    end
    return false, redis.call('HGETALL', KEYS[1])
end
