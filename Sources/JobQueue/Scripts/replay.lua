#!lua
-- Puts dead letters back into the stream as if they had never failed. KEYS: stream, :dlq. ARGV: entries of :dlq.
-- Answer: a digit for each: 1 back, 0 not there, m it was never a job.
redis.call('XLEN', KEYS[1])
local function isMalformed(record)
    if not record or #record < 16 or string.byte(record, 1) ~= 1 then return true end
    local first = 17 + string.byte(record, 4)
    return string.sub(record, first, first + string.byte(record, 5) - 1) == 'malformed'
end
local answer = {}
for at = 1, #ARGV do
    local letter = redis.call('XRANGE', KEYS[2], ARGV[at], ARGV[at])[1]
    local record = letter and #letter[2] == 2 and letter[2][1] == 'j' and letter[2][2]
    if not letter then
        answer[at] = '0'
    elseif isMalformed(record) then
        answer[at] = 'm'
    else
        record = string.sub(record, 1, 1) .. '\0\0' .. string.sub(record, 4)
        redis.call('XADD', KEYS[1], '*', 'j', record)
        redis.call('XDEL', KEYS[2], ARGV[at])
        answer[at] = '1'
    end
end
return table.concat(answer)
