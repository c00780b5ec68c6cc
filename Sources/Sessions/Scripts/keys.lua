#!lua
-- Agrees on the keys that sign credentials.
--
-- What the caller knows and Redis does not is written back, so that a Redis that lost its data keeps no visitor's
-- credential from being verified. When nobody knows a key yet, the proposed one becomes the first.
--
-- KEYS[1] PREFIXkeys         hash: id -> CREATED:KEY, CREATED in ms, KEY in base64url
-- ARGV[1] id of the proposed key
-- ARGV[2] the proposed key in base64url
-- ARGV[3] and on, in pairs   id and CREATED:KEY of each key that the caller knows
-- Returns {now in ms, id, CREATED:KEY, id, CREATED:KEY, …}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

for i = 3, #ARGV, 2 do
    redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1])
end
if redis.call('HLEN', KEYS[1]) == 0 then
    redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f:%s', now, ARGV[2]))
end

local reply = redis.call('HGETALL', KEYS[1])
table.insert(reply, 1, now)
return reply
