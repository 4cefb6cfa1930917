#!lua flags=allow-oom
-- Releases entries that nobody would ever be given: the group has read past them, and they are pending under nobody's name.
-- Looks at the head of the stream only, up to the first pending entry. KEYS: stream. ARGV: entries at most. Answer: how many went.
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err then return 0 end
for _, group in ipairs(groups) do
    if group[2] == 'workers' then
        local firstPending = redis.call('XPENDING', KEYS[1], 'workers')[2]
        local last = firstPending and '(' .. firstPending or group[8]
        local strays = redis.call('XRANGE', KEYS[1], '-', last, 'COUNT', ARGV[1])
        for _, entry in ipairs(strays) do
            redis.call('XCLAIM', KEYS[1], 'workers', 'released', 0, entry[1], 'FORCE', 'JUSTID')
        end
        return #strays
    end
end
return 0
