#!lua
-- Adds jobs that are not known to be delayed or tried again. KEYS: stream, :f. ARGV: for each job its id and its record.
-- Answer: a digit for each job: 1 added, 0 known.
redis.call('XLEN', KEYS[1])
local answer = {}
for at = 1, #ARGV, 2 do
    local isKnown = redis.call('HEXISTS', KEYS[2], ARGV[at]) == 1
    if not isKnown then redis.call('XADD', KEYS[1], '*', 'j', ARGV[at + 1]) end
    answer[#answer + 1] = isKnown and '0' or '1'
end
return table.concat(answer)
