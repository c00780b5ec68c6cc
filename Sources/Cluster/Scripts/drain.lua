#!lua
-- Asks a node to drain: it reads its own record with every heartbeat.
--
-- KEYS[1]  node:NAME     hash: the record
-- ARGV[1]  id of the request
-- Returns  1, or 0 when there is no such node
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
redis.call('HSET', KEYS[1], 'drain', ARGV[1])
return 1
