#!lua flags=allow-oom
-- Ends a session whoever holds it: the record is deleted.
--
-- KEYS[1] PREFIXsession:{HANDLE}
-- ARGV[1] only when this user is logged in; '' for whoever
-- ARGV[2] only up to this generation; '' for any
-- Returns {now, 1, login, gen, expires, user} or {now, 0}: there was no such session

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local r = redis.call('HMGET', KEYS[1], 'login', 'gen', 'expires', 'user')

if not r[2] or (ARGV[1] ~= '' and (r[1] ~= '1' or r[4] ~= ARGV[1])) then
    return {now, 0}
end
if ARGV[2] ~= '' and tonumber(r[2]) > tonumber(ARGV[2]) then
    return {now, 0}
end
redis.call('DEL', KEYS[1])
return {now, 1, r[1], r[2], r[3] or '0', r[4] or ''}
