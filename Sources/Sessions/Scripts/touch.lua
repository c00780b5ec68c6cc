#!lua flags=allow-oom
-- Slides the idle life of sessions that are in use, and says what each is by now. What is gone stays gone.
--
-- allow-oom: it makes nothing, and a node must learn of ended sessions also from a full Redis. The sessions have a tag
-- each and nothing to do with each other: where they are not on one Redis, the caller asks one at a time.
--
-- KEYS    PREFIXsession:{HANDLE}, each
-- ARGV[1] idle life, ms
-- ARGV[2] life of a record that has no secret yet, ms
-- ARGV[2 + i] 1: slide KEYS[i]; 0: only say what it is
-- Returns {now, for each key: false when it is gone, or {login, gen, expires, user, 1 when it has a secret, else 0}}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {now}
for i, key in ipairs(KEYS) do
    local r = redis.call('HMGET', key, 'login', 'gen', 'expires', 'user', 'secret')
    local expires = tonumber(r[3] or '') or 0
    if not r[2] or expires <= now then
        reply[i + 1] = false
    else
        if ARGV[2 + i] == '1' then
            redis.call('HSET', key, 'seen', now)
            redis.call('PEXPIREAT', key, math.min(now + ARGV[r[5] and 1 or 2], expires))
        end
        reply[i + 1] = {r[1], r[2], expires, r[4], r[5] and 1 or 0}
    end
end
return reply
