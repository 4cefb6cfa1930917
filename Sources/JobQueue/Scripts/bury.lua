#!lua flags=allow-oom
-- Moves jobs to the dead letters. KEYS: stream, :f, :dlq.
-- ARGV: consumer, letters at most, then for each job its entry, its id and its record with the cause.
-- Answer: a digit for each job (1 moved, 0 not this consumer's any more), then how many of the oldest letters were dropped.
redis.call('HLEN', KEYS[2])
redis.call('XLEN', KEYS[3])
local answer = {}
for at = 3, #ARGV, 3 do
    local entry, id = ARGV[at], ARGV[at + 1]
    local one = redis.pcall('XPENDING', KEYS[1], 'workers', entry, entry, 1)
    if one.err or not one[1] or one[1][2] ~= ARGV[1] then
        answer[#answer + 1] = '0'
    else
        redis.call('XDEL', KEYS[1], entry)
        redis.call('XACK', KEYS[1], 'workers', entry)
        redis.call('HDEL', KEYS[2], id)
        redis.call('XADD', KEYS[3], '*', 'j', ARGV[at + 2])
        answer[#answer + 1] = '1'
    end
end
local dropped = redis.call('XLEN', KEYS[3]) - tonumber(ARGV[2])
if dropped > 0 then redis.call('XTRIM', KEYS[3], 'MAXLEN', ARGV[2]) else dropped = 0 end
return { table.concat(answer), dropped }
