#!lua flags=allow-oom
-- Puts delayed jobs back into the stream. KEYS: stream, :z, :f. ARGV: milliseconds ahead, jobs at most.
-- Answer: how many went.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('XLEN', KEYS[1])
redis.call('HLEN', KEYS[3])
local due = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now + tonumber(ARGV[1]), 'LIMIT', 0, ARGV[2])
local count = 0
for _, id in ipairs(due) do
    local record = redis.call('HGET', KEYS[3], id)
    redis.call('ZREM', KEYS[2], id)
    if record then
        redis.call('XADD', KEYS[1], '*', 'j', record)
        count = count + 1
    end
end
return count
