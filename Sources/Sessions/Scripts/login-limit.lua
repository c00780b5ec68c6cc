#!lua
-- Admits a guess at a password, or says how long to wait. An admitted guess is reserved in its counters until
-- login-settle.lua says how it ended: failures and reserved guesses together never pass a limit, however many come at
-- once. A reservation that nobody settles becomes a failure at its deadline.
--
-- All keys of login limits share one tag: guesses are as rare as password hashes.
--
-- KEYS[1 … n]  PREFIXlimit:{login}:…  hash: field of a guess -> P:DEADLINE (reserved) or F:TIME (failed);
--              until: nothing is admitted before; strikes: how many waits were imposed in a row
-- KEYS[n + 1]  PREFIXlimit:{login}:known:ACCOUNT  zset: hashed address -> last success, ms
-- ARGV[1] field of this guess
-- ARGV[2] the window in which failures count, ms
-- ARGV[3] how long a reservation may take, ms
-- ARGV[4] hashed address; a counter with exempt = 1 is skipped when it is in KEYS[n + 1]
-- ARGV[5] n
-- ARGV[5 + 2i - 1], ARGV[5 + 2i]  limit of KEYS[i]; exempt: 0 or 1
-- Returns {now, 'admitted', i, i, …}  the counters that hold the reservation
--      or {now, 'limited', ms to wait}
--      or {now, 'busy'}: only guesses that are not settled yet are in the way

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, count = tonumber(ARGV[2]), tonumber(ARGV[5])
local known = KEYS[count + 1] and redis.call('ZSCORE', KEYS[count + 1], ARGV[4])

local used, wait, busy = {}, 0, false
for i = 1, count do
    local limit, exempt = tonumber(ARGV[4 + 2 * i]), ARGV[5 + 2 * i] == '1'
    if not (exempt and known) then
        local fields = redis.call('HGETALL', KEYS[i])
        local failed, reserved, until_ = 0, 0, 0
        for f = 1, #fields, 2 do
            local name, value = fields[f], fields[f + 1]
            if name == 'until' then
                until_ = tonumber(value)
            elseif name ~= 'strikes' then
                local at = tonumber(string.sub(value, 3))
                if at + window <= now then
                    redis.call('HDEL', KEYS[i], name)
                elseif string.sub(value, 1, 1) == 'P' and at > now then
                    reserved = reserved + 1
                else
                    failed = failed + 1
                end
            end
        end
        if until_ > now then
            wait = math.max(wait, until_ - now)
        elseif failed >= limit then
            busy = busy or reserved > 0
        else
            busy = busy or failed + reserved >= limit
        end
        used[#used + 1] = i
    end
end

if wait > 0 then
    return {now, 'limited', wait}
end
if busy then
    return {now, 'busy'}
end
local deadline = now + ARGV[3]
for _, i in ipairs(used) do
    redis.call('HSET', KEYS[i], ARGV[1], string.format('P:%.0f', deadline))
    if redis.call('PEXPIRETIME', KEYS[i]) < deadline + window then
        redis.call('PEXPIREAT', KEYS[i], deadline + window)
    end
end
return {now, 'admitted', unpack(used)}
