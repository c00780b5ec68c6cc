#!lua flags=no-writes
-- How large rooms are, and where, for those who list them.
--
-- KEYS  rooms; of many hash tags: this script is for a Redis that holds all of them
-- Returns version, epoch, number of fields and bytes of each, one after the other; empty strings for a room that is
--         not there, or whose key is no room's.

local summaries = {}
for _, room in ipairs(KEYS) do
    local stored = redis.pcall('HMGET', room, '\0v', '\0e', '\0n', '\0b')
    for i = 1, 4 do
        summaries[#summaries + 1] = stored[i] or ''
    end
end
return summaries
