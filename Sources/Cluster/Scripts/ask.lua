#!lua flags=allow-oom
-- Publishes a question to every node and says, of the same moment, who has to answer it.
--
-- KEYS[1]  nodes         zset: name -> last heartbeat, milliseconds
-- ARGV[1]  channel
-- ARGV[2]  message
-- ARGV[3]  milliseconds after which a node without heartbeat is dead
-- Returns  the names of the live nodes
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local dead = tonumber(ARGV[3])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return redis.call('ZRANGEBYSCORE', KEYS[1], now - dead, now + dead, 'LIMIT', 0, 512)
