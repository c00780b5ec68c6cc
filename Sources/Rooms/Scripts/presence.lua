#!lua flags=allow-oom
-- Writes what has changed in a node's part of who is in a room, and tells the nodes that follow the room. Works on a
-- full Redis too: what it writes is small, and ends by itself.
--
-- KEYS  1 who is in the room
-- ARGV  1 channel   2 node and incarnation   3 watchers   4 milliseconds after which the key expires unless it is renewed
--       then four of each change: kind ('+' online, '-' away since, 'x' left, 'd' expired), since, user id, name
-- Returns {time in ms, number of changes}

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local node = ARGV[2]
local to = redis.call('HINCRBY', KEYS[1], '#', 1)
redis.call('HSET', KEYS[1], node, string.format('%.0f %s', now, ARGV[3]))

local message = {string.format(
    'h %s %.0f %.0f %s %d\n', node, to - 1, to, ARGV[3], (#ARGV - 4) / 4)}
for i = 5, #ARGV, 4 do
    local kind, user, name = ARGV[i], ARGV[i + 2], ARGV[i + 3]
    local since = string.format('%.0f', math.min(tonumber(ARGV[i + 1]), now))
    if kind == '+' then
        redis.call('HSET', KEYS[1], node .. '|' .. user, '1 ' .. name)
    elseif kind == '-' then
        redis.call('HSET', KEYS[1], node .. '|' .. user, '0 ' .. since .. ' ' .. name)
    else
        redis.call('HDEL', KEYS[1], node .. '|' .. user)
    end
    message[#message + 1] = kind .. ' ' .. since .. ' ' .. #user .. ' ' .. #name .. ' ' .. user .. name
end
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('SPUBLISH', ARGV[1], table.concat(message))
return {now, to}
