#!lua flags=allow-oom
-- Keeps rooms that somebody is in.
--
-- KEYS  rooms and logs; of many hash tags: this script is for a Redis that holds all of them
-- ARGV  1 idle time of a room in ms
-- Returns how many of the keys were there.

local kept = 0
for _, key in ipairs(KEYS) do
    kept = kept + redis.call('PEXPIRE', key, ARGV[1])
end
return kept
