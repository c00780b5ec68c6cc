#!lua flags=allow-oom
-- Removes entries of a user's index whose records are gone. An entry that a new login has written since it was read is
-- kept: its score is another.
--
-- KEYS[1] PREFIXuser:{ID}:sessions    zset: handle -> absolute end, ms
-- ARGV    in pairs: handle, score as it was read
-- Returns how many were removed

local removed = 0
for i = 1, #ARGV, 2 do
    local score = redis.call('ZSCORE', KEYS[1], ARGV[i])
    if score and tonumber(score) == tonumber(ARGV[i + 1]) then
        removed = removed + redis.call('ZREM', KEYS[1], ARGV[i])
    end
end
return removed
