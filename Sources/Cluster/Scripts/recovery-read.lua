#!lua
-- Reads what a socket has missed in its rooms, and where the namespace's order stands.
--
-- KEYS  1 the namespace's order   then the logs of the socket's rooms
-- ARGV  1 replication id as the node knows it   2, 3 epoch and number of the last message that the client saw
--       4 most messages of a log   5 most bytes of all
-- Returns {the true replication id, epoch, number} and then an id and a message for each, each once, in order; or only
--       {the true replication id} when what was missed is not all there any more

local epoch, number, actual = order(KEYS[1], ARGV[1])
local seen, most, bytes = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if epoch ~= ARGV[2] or seen > number then
    return {actual}
end

local messages, numbers = {}, {}
for i = 2, #KEYS do
    local first = redis.call('XRANGE', KEYS[i], '-', '+', 'COUNT', 1)[1]
    -- A log that is full has been cut; what was cut may have been missed unless a message before it is still there.
    if first and redis.call('XLEN', KEYS[i]) >= most then
        local firstEpoch, firstNumber = string.match(first[1], '^(%d+)-(%d+)$')
        if firstEpoch == epoch and tonumber(firstNumber) > seen then
            return {actual}
        end
    end
    local from = '(' .. epoch .. '-' .. ARGV[3]
    while true do
        local page = redis.call('XRANGE', KEYS[i], from, '+', 'COUNT', 64)
        for _, entry in ipairs(page) do
            local at = tonumber(string.match(entry[1], '-(%d+)$'))
            if not messages[at] then
                messages[at] = entry[2][2]
                numbers[#numbers + 1] = at
                bytes = bytes - #entry[2][2]
            end
            from = '(' .. entry[1]
        end
        if bytes < 0 then
            return {actual}
        end
        if #page < 64 then
            break
        end
    end
end

table.sort(numbers)
local answer = {actual, epoch, decimal(number)}
for _, at in ipairs(numbers) do
    answer[#answer + 1] = decimal(at)
    answer[#answer + 1] = messages[at]
end
return answer
