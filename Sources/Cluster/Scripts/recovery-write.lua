#!lua
-- Writes what a node has for a namespace with connection state recovery, in order: messages to the logs of their rooms,
-- and to whoever listens; the states of sockets.
--
-- KEYS  1 the namespace's order: a hash of epoch, number, replid   then those that the writes name, in their order
-- ARGV  1 channel   2 replication id as the node knows it   3 most messages of a log   4 life of a log in ms
--       5 life of a state in ms   then the writes:
--       'm', how many logs, message     the message is the next one in the namespace's order
--       's', owner, rooms, socket, data the state of the next key, unless another owner has it
--       'a'                             the state of the next key lives on
--       'f', owner                      the state of the next key is forgotten, unless another owner has it
-- Returns {the true replication id, an entry for each write: 1 written, 0 another owner has it}

local channel, most, logLife, stateLife = ARGV[1], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local epoch, number, actual = order(KEYS[1], ARGV[2])

local results = {actual}
local key, at = 2, 6
local before = number
while at <= #ARGV do
    local kind = ARGV[at]
    if kind == 'm' then
        local logs, message = tonumber(ARGV[at + 1]), ARGV[at + 2]
        number = number + 1
        local id = epoch .. '-' .. decimal(number)
        for i = key, key + logs - 1 do
            -- A log from before an order that was lost may be ahead of this one.
            local added = redis.pcall('XADD', KEYS[i], id, 'm', message)
            if type(added) == 'table' and added.err then
                redis.call('UNLINK', KEYS[i])
                redis.call('XADD', KEYS[i], id, 'm', message)
            end
            redis.call('XTRIM', KEYS[i], 'MAXLEN', most)
            redis.call('PEXPIRE', KEYS[i], logLife)
        end
        redis.call('PUBLISH', channel, 'm' .. id .. ' ' .. message)
        results[#results + 1] = 1
        key, at = key + logs, at + 3
    elseif kind == 's' then
        local owner = redis.call('HGET', KEYS[key], 'owner')
        if owner and owner ~= ARGV[at + 1] then
            results[#results + 1] = 0
        else
            redis.call('HSET', KEYS[key], 'owner', ARGV[at + 1], 'rooms', ARGV[at + 2], 'socket', ARGV[at + 3],
                'data', ARGV[at + 4])
            redis.call('PEXPIRE', KEYS[key], stateLife)
            results[#results + 1] = 1
        end
        key, at = key + 1, at + 5
    elseif kind == 'a' then
        redis.call('PEXPIRE', KEYS[key], stateLife)
        results[#results + 1] = 1
        key, at = key + 1, at + 1
    else
        if redis.call('HGET', KEYS[key], 'owner') == ARGV[at + 1] then
            redis.call('UNLINK', KEYS[key])
            results[#results + 1] = 1
        else
            results[#results + 1] = 0
        end
        key, at = key + 1, at + 2
    end
end
if number ~= before then
    redis.call('HSET', KEYS[1], 'number', decimal(number))
end
return results
