#!lua flags=no-writes
-- Reads who is in a room.
--
-- KEYS  1 who is in the room
-- Returns {time in ms, names and values of the hash}

local time = redis.call('TIME')
return {time[1] * 1000 + math.floor(time[2] / 1000), redis.call('HGETALL', KEYS[1])}
