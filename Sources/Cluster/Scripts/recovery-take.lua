#!lua
-- Gives the state of a socket to another connection, and tells who had it.
--
-- KEYS  1 the state
-- ARGV  1 channel   2 what the node says on it   3 the new owner   4 life of a state in ms
-- Returns {socket, rooms, data}, or nothing when there is no such state

local state = redis.call('HMGET', KEYS[1], 'socket', 'rooms', 'data')
if not state[1] then
    return {}
end
redis.call('HSET', KEYS[1], 'owner', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PUBLISH', ARGV[1], ARGV[2])
return state
