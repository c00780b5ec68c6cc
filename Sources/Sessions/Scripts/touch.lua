#!lua flags=allow-oom
-- Slides the idle life of sessions that are in use, and says what each is by now. What is gone stays gone.
--
-- allow-oom: it makes nothing, and a node must learn of ended sessions also from a full Redis. The sessions have a tag
-- each and nothing to do with each other: where they are not on one Redis, the caller asks one at a time.
--
-- KEYS    PREFIXsession:{HANDLE}, each
-- ARGV[1] idle life, ms
-- ARGV[2] life of a record that has no secret yet, ms
-- ARGV[3] a record with a secret is slid when it was seen longer ago than this, ms; one without, every time
-- ARGV[2 + 2 * i] 1: slide KEYS[i]; 0: only say what it is
-- ARGV[3 + 2 * i] what the caller knows: the generation, a blank, and who is logged in, if anybody; or empty
-- Returns {now, for each key: false when it is gone, 1 when it is what the caller knows,
--          or {login, gen, expires, user, 1 when it has a secret, else 0}}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply = {now}
for i, key in ipairs(KEYS) do
    local r = redis.call('HMGET', key, 'gen', 'expires', 'seen', 'secret', 'login', 'user')
    local gen, expires, secret = r[1], tonumber(r[2] or '') or 0, r[4]
    if not gen or expires <= now then
        reply[i + 1] = false
    else
        if ARGV[2 + 2 * i] == '1' and (not secret or (tonumber(r[3] or '') or 0) + ARGV[3] <= now) then
            redis.call('HSET', key, 'seen', now)
            redis.call('PEXPIREAT', key, math.min(now + ARGV[secret and 1 or 2], expires))
        end
        if gen .. ' ' .. (r[5] == '1' and r[6] or '') == ARGV[3 + 2 * i] then
            reply[i + 1] = 1
        else
            reply[i + 1] = {r[5], gen, expires, r[6], secret and 1 or 0}
        end
    end
end
return reply
