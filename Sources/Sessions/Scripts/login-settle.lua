#!lua flags=allow-oom
-- Settles a guess that login-limit.lua admitted. Once a counter has its limit of failures, each failure makes the next
-- guess wait, doubling.
--
-- KEYS[1 … n]   the counters that hold the reservation
-- KEYS[n + 1]   PREFIXlimit:{login}:known:ACCOUNT; only for succeeded
-- ARGV[1] field of the guess
-- ARGV[2] failed, succeeded or abandoned
-- ARGV[3] the window in which failures count, ms
-- ARGV[4] the first wait, ms
-- ARGV[5] the longest wait, ms
-- ARGV[6] hashed address
-- ARGV[7] how many addresses of an account are remembered
-- ARGV[8] for how long, ms
-- ARGV[9] n
-- ARGV[9 + 2i - 1], ARGV[9 + 2i]  limit of KEYS[i]; 1 when a success clears it, else 0
-- Returns {now, ms to wait before the next guess}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, count = tonumber(ARGV[3]), tonumber(ARGV[9])
local wait = 0

for i = 1, count do
    local key, limit, clears = KEYS[i], tonumber(ARGV[8 + 2 * i]), ARGV[9 + 2 * i] == '1'
    if ARGV[2] == 'succeeded' and clears then
        redis.call('DEL', key)
    elseif ARGV[2] ~= 'failed' then
        redis.call('HDEL', key, ARGV[1])
    else
        redis.call('HSET', key, ARGV[1], string.format('F:%.0f', now))
        local fields = redis.call('HGETALL', key)
        local failed, until_, strikes = 0, 0, 0
        for f = 1, #fields, 2 do
            local name, value = fields[f], fields[f + 1]
            if name == 'until' then
                until_ = tonumber(value)
            elseif name == 'strikes' then
                strikes = tonumber(value)
            else
                local at = tonumber(string.sub(value, 3))
                if at + window > now and (string.sub(value, 1, 1) == 'F' or at <= now) then
                    failed = failed + 1
                end
            end
        end
        local ends = now + window
        if failed >= limit then
            if until_ + window <= now then
                strikes = 0
            end
            local pause = math.min(ARGV[4] * 2 ^ math.min(strikes, 30), tonumber(ARGV[5]))
            until_ = now + pause
            redis.call('HSET', key, 'until', string.format('%.0f', until_), 'strikes', strikes + 1)
            wait = math.max(wait, pause)
            ends = until_ + window
        end
        if redis.call('PEXPIRETIME', key) < ends then
            redis.call('PEXPIREAT', key, ends)
        end
    end
end

if ARGV[2] == 'succeeded' and KEYS[count + 1] then
    local known = KEYS[count + 1]
    redis.call('ZADD', known, now, ARGV[6])
    redis.call('ZREMRANGEBYRANK', known, 0, -1 - ARGV[7])
    redis.call('PEXPIREAT', known, now + ARGV[8])
end
return {now, math.floor(wait)}
