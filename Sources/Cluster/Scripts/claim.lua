#!lua
-- Takes a node's name for one start of a process.
--
-- Touches the list of nodes and one record, which are one thing: who is in the cluster. Both are on one Redis.
--
-- KEYS[1]  nodes         zset: name -> last heartbeat, milliseconds
-- KEYS[2]  node:NAME     hash: the record
-- ARGV[1]  name
-- ARGV[2]  incarnation that wants the name
-- ARGV[3]  incarnation that is known to be gone and may be replaced, or ''
-- ARGV[4]  milliseconds after which a record without heartbeat is gone
-- ARGV[5…] field, value, … of the new record
-- Returns  {'granted'}, or {'held', incarnation, its last heartbeat}
local holder = redis.call('HGET', KEYS[2], 'incarnation')
if holder and holder ~= ARGV[2] and holder ~= ARGV[3] then
  return { 'held', holder, redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0' }
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if holder and holder ~= ARGV[2] then
  -- What another process, of another version perhaps, said of itself is not true of this one.
  redis.call('DEL', KEYS[2])
end
redis.call('HSET', KEYS[2], unpack(ARGV, 5))
redis.call('PEXPIRE', KEYS[2], ARGV[4])
redis.call('ZADD', KEYS[1], now, ARGV[1])
return { 'granted' }
