#!lua
-- Opens a session at CONNECT. A missing record is made for a young guest's credential, never for a player's.
-- The current secret has full rights and slides the idle life when that is due; the secret from before the login is an
-- alias that watches and never slides. The decision is the one of lookup.lua.
--
-- KEYS[1] PREFIXsession:{HANDLE}
-- ARGV[1] SHA-256 of the presented secret
-- ARGV[2] kind of the presented credential: guest or player
-- ARGV[3] when it was issued, ms
-- ARGV[4] idle life, ms
-- ARGV[5] how long after a change of the secret the old one is told apart, ms
-- ARGV[6] absolute life, ms
-- ARGV[7] sliding is due when the record was seen longer ago than this, ms
-- Returns {now, 'full' or 'alias', login, gen, expires, seen, user, name, last, 1 when the record is new, else 0,
--          sockets}: how many the session, or its alias, has by now; more than there are, where a node died
--      or {now, 'dead', 1 when the secret was replaced lately, else 0}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local r = redis.call('HMGET', KEYS[1], 'secret', 'guest', 'guestuntil', 'login', 'gen', 'expires', 'seen', 'user',
    'name', 'last', 'rotated')
local secret, guest, guestuntil, gen, expires = r[1], r[2], tonumber(r[3] or ''), r[5], tonumber(r[6] or '')

if not gen or not expires or expires <= now then
    if ARGV[2] ~= 'guest' or ARGV[3] + ARGV[4] <= now then
        return {now, 'dead', 0}
    end
    -- Generations begin at the time of making, so that none ever comes twice under a handle.
    expires = now + ARGV[6]
    redis.call('DEL', KEYS[1])
    redis.call('HSET', KEYS[1], 'user', '', 'name', '', 'login', '0', 'gen', now, 'created', now, 'seen', now,
        'expires', expires, 'secret', ARGV[1], 'sockets', 1)
    redis.call('PEXPIREAT', KEYS[1], math.min(now + ARGV[4], expires))
    return {now, 'full', '0', now, expires, now, '', '', '', 1, 1}
end
if secret == ARGV[1] then
    if (tonumber(r[7] or '') or 0) + ARGV[7] <= now then
        redis.call('HSET', KEYS[1], 'seen', now)
        redis.call('PEXPIREAT', KEYS[1], math.min(now + ARGV[4], expires))
    end
    return {now, 'full', r[4], gen, expires, r[7], r[8], r[9], r[10] or '', 0,
        redis.call('HINCRBY', KEYS[1], 'sockets', 1)}
end
if guest == ARGV[1] and (not guestuntil or guestuntil > now) then
    return {now, 'alias', '0', gen, expires, r[7], '', '', '', 0, redis.call('HINCRBY', KEYS[1], 'aliases', 1)}
end
local rotated = tonumber(r[11] or '')
return {now, 'dead', (rotated and rotated + ARGV[5] > now) and 1 or 0}
