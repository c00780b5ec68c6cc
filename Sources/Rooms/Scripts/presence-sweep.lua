#!lua flags=allow-oom
-- Deletes what nobody needs any more of who is in a room: users that were away for long, and the parts of nodes that are
-- gone. What has been written again meanwhile stays.
--
-- KEYS  1 who is in the room
-- ARGV  1 milliseconds after which a node that did not renew its part is gone
--       then fields: a node and incarnation, or one with '|' and a user
-- Returns how many were deleted

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function isGone(node)
    local head = redis.call('HGET', KEYS[1], node)
    return not head or now - (tonumber(string.match(head, '^%d+')) or 0) > tonumber(ARGV[1])
end
local deleted = 0
for i = 2, #ARGV do
    local node = string.match(ARGV[i], '^([^|]*)|')
    local isSpent
    if node then
        isSpent = string.sub(redis.call('HGET', KEYS[1], ARGV[i]) or '', 1, 2) == '0 ' or isGone(node)
    else
        isSpent = isGone(ARGV[i])
    end
    if isSpent then
        deleted = deleted + redis.call('HDEL', KEYS[1], ARGV[i])
    end
end
return deleted
