#!lua flags=no-writes
-- Reads the records of sessions, for lists. No secret is in the answer, nor the digest of one.
--
-- The sessions have a tag each and nothing to do with each other: where they are not on one Redis, the caller asks one
-- at a time.
--
-- KEYS    PREFIXsession:{HANDLE}, each
-- Returns {for each key: login, user, name, gen, created, seen, expires, client, address, 1 when it has a secret, else 0}

local reply = {}
for i, key in ipairs(KEYS) do
    local fields = redis.call('HMGET', key, 'login', 'user', 'name', 'gen', 'created', 'seen', 'expires', 'client',
        'address')
    fields[10] = redis.call('HEXISTS', key, 'secret')
    reply[i] = fields
end
return reply
