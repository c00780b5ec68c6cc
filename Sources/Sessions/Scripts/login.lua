#!lua
-- Logs a user in: in place, when the caller holds the record's current secret (or was told its generation while it held
-- it) and nobody is logged in; else in a new record, and what was there stays untouched. The secret changes: the one
-- from before becomes an alias that only watches.
--
-- It touches the tags of two sessions and of the user, and so needs them on one Redis: between reading the user's
-- generation and writing record and index nothing may come, or an "everywhere" would miss this login.
--
-- KEYS[1] PREFIXsession:{NEW HANDLE}  where the login goes when it cannot be in place
-- KEYS[2] PREFIXuser:{ID}             hash: gen
-- KEYS[3] PREFIXuser:{ID}:sessions    zset: handle -> absolute end, ms
-- KEYS[4] PREFIXsession:{HANDLE}      the record the caller has; absent when it has none
-- ARGV[1] the new handle
-- ARGV[2] the handle the caller has
-- ARGV[3] SHA-256 of the secret it holds; '' when the generation alone proves it
-- ARGV[4] the record's generation as the caller knows it
-- ARGV[5] user id
-- ARGV[6] user's name
-- ARGV[7] the user's generation, read before the password was verified
-- ARGV[8] ticket (the new secret comes with the claim) or secret (the new secret is valid at once)
-- ARGV[9] SHA-256 of the ticket or of the new secret
-- ARGV[10] idle life, ms
-- ARGV[11] absolute life, ms
-- ARGV[12] life of a ticket, of the alias after the change, and of a login that nobody claims, ms
-- ARGV[13] client, for lists
-- ARGV[14] address, for lists
-- Returns {now, 'ok', handle, gen, expires, 1 when in place, else 0}
--      or {now, 'refused'}: the user's sessions were ended meanwhile

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

if (redis.call('HGET', KEYS[2], 'gen') or '0') ~= ARGV[7] then
    return {now, 'refused'}
end

local key, handle, gen, alias = KEYS[1], ARGV[1], now, false
local inplace = 0
if KEYS[4] then
    local r = redis.call('HMGET', KEYS[4], 'secret', 'login', 'gen', 'expires')
    local holds = ARGV[3] == '' or r[1] == ARGV[3]
    if holds and r[2] == '0' and r[3] == ARGV[4] and (tonumber(r[4] or '') or 0) > now then
        key, handle, gen, alias = KEYS[4], ARGV[2], tonumber(r[3]) + 1, r[1]
        inplace = 1
    end
end

local expires = now + ARGV[11]
local life = tonumber(ARGV[10])
if inplace == 0 then
    redis.call('DEL', key)
    redis.call('HSET', key, 'created', now)
end
redis.call('HSET', key, 'user', ARGV[5], 'name', ARGV[6], 'login', '1', 'gen', gen, 'seen', now, 'expires', expires,
    'client', ARGV[13], 'address', ARGV[14], 'last', ARGV[7] .. ':' .. ARGV[5])
redis.call('HDEL', key, 'secret', 'guest', 'guestuntil', 'ticket', 'ticketuntil')
if alias then
    redis.call('HSET', key, 'guest', alias)
end
if ARGV[8] == 'ticket' then
    redis.call('HSET', key, 'ticket', ARGV[9], 'ticketuntil', now + ARGV[12])
    life = tonumber(ARGV[12])
else
    redis.call('HSET', key, 'secret', ARGV[9], 'rotated', now)
    if alias then
        redis.call('HSET', key, 'guestuntil', now + ARGV[12])
    end
end
redis.call('PEXPIREAT', key, math.min(now + life, expires))

redis.call('ZADD', KEYS[3], expires, handle)
if redis.call('PEXPIRETIME', KEYS[3]) < expires then
    redis.call('PEXPIREAT', KEYS[3], expires)
end
return {now, 'ok', handle, gen, expires, inplace}
