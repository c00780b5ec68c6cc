#!lua flags=no-writes
-- Says what a credential is worth, and changes nothing. The decision is the one of open.lua.
--
-- KEYS[1] PREFIXsession:{HANDLE}
-- ARGV[1] SHA-256 of the presented secret
-- ARGV[2] kind of the presented credential: guest or player
-- ARGV[3] when it was issued, ms
-- ARGV[4] idle life, ms
-- ARGV[5] how long after a change of the secret the old one is told apart, ms
-- Returns {now, 'full' or 'alias', login, gen, expires, seen, user, name, last, 0}
--      or {now, 'unrecorded'}: a young guest's credential whose record is not made yet
--      or {now, 'dead', 1 when the secret was replaced lately, else 0}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local r = redis.call('HMGET', KEYS[1], 'secret', 'guest', 'guestuntil', 'login', 'gen', 'expires', 'seen', 'user',
    'name', 'last', 'rotated')
local secret, guest, guestuntil, gen, expires = r[1], r[2], tonumber(r[3] or ''), r[5], tonumber(r[6] or '')

if not gen or not expires or expires <= now then
    if ARGV[2] == 'guest' and ARGV[3] + ARGV[4] > now then
        return {now, 'unrecorded'}
    end
    return {now, 'dead', 0}
end
if secret == ARGV[1] then
    return {now, 'full', r[4], gen, expires, r[7], r[8], r[9], r[10] or '', 0}
end
if guest == ARGV[1] and (not guestuntil or guestuntil > now) then
    return {now, 'alias', '0', gen, expires, r[7], '', '', '', 0}
end
local rotated = tonumber(r[11] or '')
return {now, 'dead', (rotated and rotated + ARGV[5] > now) and 1 or 0}
