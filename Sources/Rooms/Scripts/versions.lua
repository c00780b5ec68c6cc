#!lua flags=no-writes
-- Where rooms are, to find out which of their replicas are behind.
--
-- KEYS  rooms; of many hash tags: this script is for a Redis that holds all of them
-- Returns version, epoch and replication id of each, one after the other; empty strings for a room that is not there, or
--         whose key is no room's.

local places = {}
for _, room in ipairs(KEYS) do
    local stored = redis.pcall('HMGET', room, '\0v', '\0e', '\0r')
    for i = 1, 3 do
        places[#places + 1] = stored[i] or ''
    end
end
return places
