#!lua flags=allow-oom
-- Repeats logouts and revocations after Redis was replaced: it may have come back as it was before them.
--
-- The sessions have a tag each and nothing to do with each other: where they are not on one Redis, the caller asks one
-- at a time. Their users' indexes heal themselves on reading.
--
-- KEYS    PREFIXsession:{HANDLE}, each
-- ARGV[1] idle life, ms
-- ARGV[2] life of a record that has no secret, ms
-- ARGV[2i + 1] the last generation of KEYS[i] that is over
-- ARGV[2i + 2] the generation after the logout; '' when the session was revoked
-- Returns how many sessions had come back and were ended again

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local ended = 0
for i, key in ipairs(KEYS) do
    local over, next = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
    local r = redis.call('HMGET', key, 'gen', 'login', 'secret', 'guest', 'expires')
    local gen = tonumber(r[1] or '')
    if gen and gen <= over then
        if not next then
            redis.call('DEL', key)
            ended = ended + 1
        elseif r[2] == '1' then
            redis.call('HSET', key, 'login', '0', 'user', '', 'name', '', 'gen', next, 'seen', now)
            redis.call('HDEL', key, 'guest', 'guestuntil', 'ticket', 'ticketuntil')
            local secret = r[3] or r[4]
            if secret and not r[3] then
                redis.call('HSET', key, 'secret', secret)
            end
            redis.call('PEXPIREAT', key, math.min(now + ARGV[secret and 1 or 2], tonumber(r[5] or '') or now))
            ended = ended + 1
        else
            -- It is as it was before that login: the next one must not be taken for it.
            redis.call('HSET', key, 'gen', next)
        end
    end
end
return ended
