#!lua flags=allow-oom
-- Takes a node out of the cluster at once, if its incarnation owns the name.
--
-- Touches the list of nodes and one record, which are one thing: who is in the cluster. Both are on one Redis.
--
-- KEYS[1]  nodes         zset: name -> last heartbeat, milliseconds
-- KEYS[2]  nodes:store   string: id of the cluster's accounts store
-- KEYS[3]  node:NAME     hash: the record
-- ARGV[1]  name
-- ARGV[2]  incarnation
-- Returns  1, or 0 when the name belongs to another incarnation or to nobody
if redis.call('HGET', KEYS[3], 'incarnation') ~= ARGV[2] then
  return 0
end
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[1], ARGV[1])
if redis.call('ZCARD', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2])
end
return 1
