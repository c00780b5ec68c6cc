#!lua flags=allow-oom
-- Says that a node still follows rooms, and how it stands with what it knows of them.
--
-- KEYS  who is in the rooms; of many hash tags: this script is for a Redis that holds all of them
-- ARGV  1 node and incarnation   2 milliseconds after which a key expires unless it is renewed
--       then for each room: watchers, how many other nodes follow, and these
-- Returns time in ms, then for each room how many changes there were (-1: the node's part is not there as it wrote it),
--         and for each of its other nodes when it wrote last (0: never)

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local node = ARGV[1]
local reply = {now}
local at = 3
-- What is no hash is as if it were not there, and no other room's affair.
local function read(key, field)
    local value = redis.pcall('HGET', key, field)
    return type(value) == 'string' and value
end
for _, key in ipairs(KEYS) do
    local watchers, others = ARGV[at], tonumber(ARGV[at + 1])
    local stored = read(key, node)
    if stored and string.match(stored, ' (%d+)$') == watchers then
        redis.call('HSET', key, node, string.format('%.0f %s', now, watchers))
        redis.call('PEXPIRE', key, ARGV[2])
        reply[#reply + 1] = tonumber(read(key, '#')) or 0
    else
        reply[#reply + 1] = -1
    end
    for i = at + 2, at + 1 + others do
        local head = read(key, ARGV[i])
        reply[#reply + 1] = head and tonumber(string.match(head, '^%d+')) or 0
    end
    at = at + 2 + others
end
return reply
