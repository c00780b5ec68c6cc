#!lua
-- Takes, keeps and gives up the right to run the clocks of rooms, and tells the rooms' nodes what is free again.
--
-- KEYS  leases, each the key of its room with ':tick' after it; of many hash tags: this script is for a Redis that holds
--       all of them
-- ARGV  1 life of a lease in ms
--       then for each key what is asked ('take' if nobody has it, 'keep' or 'give' if this token has it) and the token
-- Returns the time in ms since 1970, and for each key 1 if the lease is, or was until now, the token's; else 0.

local time = redis.call('TIME')
local answer = {tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)}
for i, key in ipairs(KEYS) do
    local asked, token = ARGV[2 * i], ARGV[2 * i + 1]
    -- A table, which no token is, where the key is no string.
    local holder = redis.pcall('GET', key)
    local isGranted = holder == token
    if isGranted and asked == 'give' then
        redis.call('DEL', key)
        redis.call('SPUBLISH', string.sub(key, 1, -6), 't')
    elseif isGranted then
        redis.call('PEXPIRE', key, ARGV[1])
    elseif asked == 'take' and not holder then
        redis.call('SET', key, token, 'PX', ARGV[1])
        isGranted = true
    end
    answer[i + 1] = isGranted and 1 or 0
end
return answer
