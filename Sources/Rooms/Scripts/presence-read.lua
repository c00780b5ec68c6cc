#!lua flags=no-writes
-- Reads who is in a room. Of very many users with long names it leaves some out: nodes drop a connection whose reply is
-- longer than 16 MiB.
--
-- KEYS  1 who is in the room
-- Returns {time in ms, names and values of the hash}

-- So many fields are never too long: an id and a name have 1,024 bytes at most.
local FEW = 4096
local MOST_BYTES = 12 * 1024 * 1024
-- What a name and its value take in the reply beside themselves.
local FRAMES = 24

local time = redis.call('TIME')
local here = redis.call('HGETALL', KEYS[1])
if #here > 2 * FEW then
    local kept, bytes = {}, 0
    for i = 1, #here, 2 do
        local size = #here[i] + #here[i + 1] + FRAMES
        local isUser = string.find(here[i], '|', 1, true)
        if not isUser or bytes + size <= MOST_BYTES then
            kept[#kept + 1] = here[i]
            kept[#kept + 1] = here[i + 1]
            bytes = bytes + size
        end
    end
    here = kept
end
return {time[1] * 1000 + math.floor(time[2] / 1000), here}
