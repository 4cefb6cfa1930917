#!lua flags=allow-oom
-- Takes a job out of the queue unless somebody has it in hand. KEYS: stream, :z, :f. ARGV: id, its entry or ''.
-- Answer: c cancelled, h in hand, n not there.
redis.call('HLEN', KEYS[3])
if redis.call('ZREM', KEYS[2], ARGV[1]) == 1 then
    redis.call('HDEL', KEYS[3], ARGV[1])
    return 'c'
end
if ARGV[2] == '' then return 'n' end
local one = redis.pcall('XPENDING', KEYS[1], 'workers', ARGV[2], ARGV[2], 1)
if not one.err and one[1] and one[1][2] ~= 'released' then return 'h' end
if redis.call('XDEL', KEYS[1], ARGV[2]) == 0 then return 'n' end
redis.pcall('XACK', KEYS[1], 'workers', ARGV[2])
redis.call('HDEL', KEYS[3], ARGV[1])
return 'c'
