#!lua flags=allow-oom
-- Ends jobs of which :f has a record. KEYS: stream, :f. ARGV: for each job its entry and its id.
-- Answer: a digit for each job: 1 ended, 0 not at this entry any more (then its record stays, it is another entry's).
local answer = {}
local hasRecords = type(redis.pcall('HLEN', KEYS[2])) == 'number'
for at = 1, #ARGV, 2 do
    local deleted = redis.call('XDEL', KEYS[1], ARGV[at])
    redis.call('XACK', KEYS[1], 'workers', ARGV[at])
    if deleted == 1 and hasRecords then redis.call('HDEL', KEYS[2], ARGV[at + 1]) end
    answer[#answer + 1] = deleted
end
return table.concat(answer)
