#!lua flags=allow-oom
-- Logs a session out; the record stays, and its current secret is a guest's from now on. Where the login was never
-- claimed, the secret from before it is the current one again.
--
-- It touches the tags of the session and of its user; the index is the only thing of the user's, heals itself on
-- reading, and may be left out where the two are not on one Redis.
--
-- KEYS[1] PREFIXsession:{HANDLE}
-- KEYS[2] PREFIXuser:{ID}:sessions
-- ARGV[1] handle
-- ARGV[2] generation as the caller knows it
-- ARGV[3] user id as the caller knows it
-- ARGV[4] idle life, ms
-- ARGV[5] life of a record that has no secret, ms
-- Returns {now, 1, the generation after the logout} or {now, 0}: this login was over already

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local r = redis.call('HMGET', KEYS[1], 'login', 'gen', 'user', 'secret', 'guest', 'expires')

if r[1] ~= '1' or r[2] ~= ARGV[2] or r[3] ~= ARGV[3] then
    return {now, 0}
end
local gen = redis.call('HINCRBY', KEYS[1], 'gen', 1)
redis.call('HSET', KEYS[1], 'login', '0', 'user', '', 'name', '', 'seen', now)
redis.call('HDEL', KEYS[1], 'guest', 'guestuntil', 'ticket', 'ticketuntil')
local secret = r[4] or r[5]
if secret and not r[4] then
    redis.call('HSET', KEYS[1], 'secret', secret)
end
redis.call('PEXPIREAT', KEYS[1], math.min(now + ARGV[secret and 4 or 5], tonumber(r[6] or '') or now))
if KEYS[2] then
    redis.call('ZREM', KEYS[2], ARGV[1])
end
return {now, 1, gen}
