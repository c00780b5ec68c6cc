#!lua flags=allow-oom
-- Renews a node's record while its incarnation owns the name, forgets dead nodes, and lists the live ones.
--
-- Runs on a full Redis too: what it writes does not grow, and without a list of nodes no revocation could be
-- confirmed. Touches the list of nodes and the records, which are one thing: who is in the cluster. All are on one
-- Redis. Fields that are not given are kept: they are of another version, or requests to the node.
--
-- KEYS[1]  nodes         zset: name -> last heartbeat, milliseconds
-- KEYS[2]  nodes:store   string: id of the cluster's accounts store, kept alive by the nodes that use it
-- KEYS[3]  node:NAME     hash: the record of the caller
-- KEYS[4…] node:NAME     hash: the records of other nodes that the caller knows of
-- ARGV[1]  name
-- ARGV[2]  incarnation
-- ARGV[3]  milliseconds after which a node without heartbeat is dead
-- ARGV[4]  id of the caller's accounts store, or ''
-- ARGV[5]  how many fields and values of the record follow
-- ARGV[6…] field, value, …, then the names that belong to KEYS[4…]
-- Returns  {'taken', incarnation of the owner}, or
--          {'owned', the cluster's store id or '', drain request or '', {name, age in milliseconds, field, value, …}…};
--          an entry of a name that the caller did not give has no fields
local owner = redis.call('HGET', KEYS[3], 'incarnation')
if owner and owner ~= ARGV[2] then
  return { 'taken', owner }
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local dead = tonumber(ARGV[3])
local last = 5 + tonumber(ARGV[5])

redis.call('HSET', KEYS[3], unpack(ARGV, 6, last))
redis.call('PEXPIRE', KEYS[3], dead)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. (now - dead))
-- After a failover to a machine whose clock is behind, a dead node must not live in the future.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '(' .. (now + dead), '+inf')

local store = redis.call('GET', KEYS[2])
if ARGV[4] ~= '' and (not store or store == ARGV[4]) then
  redis.call('SET', KEYS[2], ARGV[4], 'PX', dead)
  store = ARGV[4]
end

local keys = { [ARGV[1]] = KEYS[3] }
for index = 4, #KEYS do
  keys[ARGV[last + index - 3]] = KEYS[index]
end
local reply = { 'owned', store or '', redis.call('HGET', KEYS[3], 'drain') or '' }
local live = redis.call('ZRANGE', KEYS[1], 0, 511, 'WITHSCORES')
for index = 1, #live, 2 do
  local name = live[index]
  local entry = { name, now - live[index + 1] }
  if keys[name] then
    local record = redis.call('HGETALL', keys[name])
    for field = 1, #record do
      entry[field + 2] = record[field]
    end
  end
  -- A record that is gone although its name is listed: the node is dead, or not there yet.
  if not keys[name] or #entry > 2 then
    reply[#reply + 1] = entry
  end
end
return reply
