#!lua flags=allow-oom
-- Releases all that is pending under a consumer's name. KEYS: stream. ARGV: consumer, entries at most. Answer: how many it was.
local pending = redis.pcall('XPENDING', KEYS[1], 'workers', '-', '+', ARGV[2], ARGV[1])
if pending.err then return 0 end
for _, one in ipairs(pending) do redis.call('XCLAIM', KEYS[1], 'workers', 'released', 0, one[1], 'JUSTID') end
return #pending
