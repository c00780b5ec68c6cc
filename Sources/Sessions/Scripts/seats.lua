#!lua flags=allow-oom
-- Corrects how many sockets sessions have. What is gone stays gone.
--
-- The sessions have a tag each and nothing to do with each other: where they are not on one Redis, the caller asks one
-- at a time.
--
-- KEYS        PREFIXsession:{HANDLE}, each
-- ARGV[2i - 1] sockets (those with full rights) or aliases, of KEYS[i]
-- ARGV[2i]     how many more, or fewer
-- Returns nothing

for i, key in ipairs(KEYS) do
    local field = ARGV[2 * i - 1]
    if redis.call('HEXISTS', key, 'gen') == 1 and redis.call('HINCRBY', key, field, ARGV[2 * i]) < 0 then
        redis.call('HDEL', key, field)
    end
end
