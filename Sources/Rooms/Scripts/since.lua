#!lua flags=allow-oom
-- Reads what a replica of a room misses. Writes only when the room must begin a new epoch, and then no more than was
-- there: a full Redis can still be read.
--
-- KEYS  1 room   2 its log   3 its act ids
-- ARGV  1 channel   2 replication id as the node knows it   3 an epoch to begin if one must be
--       4, 5 epoch and version of the replica   6 length of the log
-- Returns {'missed', replid, epoch, version, entries or false, room or false}; a room never acted on has the epoch ''
--         and version 0.

local stored = redis.call('HMGET', KEYS[1], VERSION, EPOCH, REPLID)
local version, seenVersion = tonumber(stored[1]) or 0, tonumber(ARGV[5])
local epoch, actual = settle(version, stored[2], stored[3], ARGV[2], ARGV[3], ARGV[4], seenVersion, ARGV[1])
local entries, room = missed(version, epoch, ARGV[4], seenVersion, tonumber(ARGV[6]))
return {'missed', actual, epoch, version, entries, room}
