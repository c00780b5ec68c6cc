#!lua flags=allow-oom
-- Begins to end all sessions of a user: from now on no login that began before is let in, and every one that was let in
-- is in the answer.
--
-- KEYS[1] PREFIXuser:{ID}             hash: gen
-- KEYS[2] PREFIXuser:{ID}:sessions    zset: handle -> absolute end, ms
-- Returns {now, the user's generation, handle, handle, …}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = redis.call('ZRANGE', KEYS[2], 0, -1)
table.insert(reply, 1, redis.call('HINCRBY', KEYS[1], 'gen', 1))
table.insert(reply, 1, now)
return reply
