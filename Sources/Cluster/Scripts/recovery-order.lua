-- What the recovery scripts have in common; goes in after their first line.

local function decimal(value)
    return string.format('%.0f', value)
end

-- Epoch, number, and the true replication id when the caller's is not known to be true (else the caller's). A new epoch
-- begins when Redis is not the one that the epoch was begun on: messages may be lost, and numbers come again.
local function order(key, replid)
    local stored = redis.call('HMGET', key, 'epoch', 'number', 'replid')
    if stored[1] and stored[3] == replid then
        return stored[1], tonumber(stored[2]) or 0, replid
    end
    local actual = string.match(redis.call('INFO', 'replication'), 'master_replid:(%x+)')
    if stored[1] and stored[3] == actual then
        return stored[1], tonumber(stored[2]) or 0, actual
    end
    local time = redis.call('TIME')
    local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
    local epoch = decimal(math.max(now, (tonumber(stored[1]) or 0) + 1))
    redis.call('HSET', key, 'epoch', epoch, 'number', '0', 'replid', actual)
    return epoch, 0, actual
end
