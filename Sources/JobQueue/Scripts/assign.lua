#!lua flags=allow-oom
-- Gives entries of one consumer to another without counting a delivery: back to itself to show that it lives, or to `released`.
-- KEYS: stream. ARGV: from, to, then entries. Answer: a digit for each entry: 1 given, 0 not that consumer's any more.
local answer = {}
for at = 3, #ARGV do
    local one = redis.pcall('XPENDING', KEYS[1], 'workers', ARGV[at], ARGV[at], 1)
    local isOwn = not one.err and one[1] and one[1][2] == ARGV[1]
    local given = isOwn and redis.call('XCLAIM', KEYS[1], 'workers', ARGV[2], 0, ARGV[at], 'JUSTID')
    answer[#answer + 1] = given and given[1] and '1' or '0'
end
return table.concat(answer)
