#!lua
-- Exchanges a login's ticket for the session's new secret, once. The secret from before the login watches for a minute
-- more.
--
-- KEYS[1] PREFIXsession:{HANDLE}
-- ARGV[1] SHA-256 of the ticket
-- ARGV[2] SHA-256 of the new secret
-- ARGV[3] idle life, ms
-- ARGV[4] how long the alias still watches, ms
-- Returns {now, 'ok', gen, expires, user, name}
--      or {now, 'refused'}: used, too old, or the login is gone

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local r = redis.call('HMGET', KEYS[1], 'ticket', 'ticketuntil', 'login', 'gen', 'expires', 'user', 'name', 'guest')
local expires = tonumber(r[5] or '') or 0

if r[1] ~= ARGV[1] or (tonumber(r[2] or '') or 0) <= now or r[3] ~= '1' or expires <= now then
    return {now, 'refused'}
end
redis.call('HDEL', KEYS[1], 'ticket', 'ticketuntil')
redis.call('HSET', KEYS[1], 'secret', ARGV[2], 'rotated', now, 'seen', now)
if r[8] then
    redis.call('HSET', KEYS[1], 'guestuntil', now + ARGV[4])
end
redis.call('PEXPIREAT', KEYS[1], math.min(now + ARGV[3], expires))
return {now, 'ok', r[4], expires, r[6], r[7]}
