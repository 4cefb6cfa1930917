#!lua flags=allow-oom
-- Releases entries that nobody would ever be given: the group has read past them, and they are pending under nobody's name.
-- Looks from the head of the stream, past what was released, to the first entry that is in a consumer's hand.
-- KEYS: stream. ARGV: entries to release at most, entries to look at at most, bytes of these at most. Answer: how many went.
local count, left, bytesLeft = 0, tonumber(ARGV[2]), tonumber(ARGV[3])
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
for _, group in ipairs(groups.err and {} or groups) do
    if group[2] == 'workers' then
        local after = '-'
        while count < tonumber(ARGV[1]) and left > 0 and bytesLeft > 0 do
            local entry = redis.call('XRANGE', KEYS[1], after, group[8], 'COUNT', 1)[1]
            if not entry then break end
            local pending = redis.call('XPENDING', KEYS[1], 'workers', entry[1], entry[1], 1)[1]
            if not pending then
                redis.call('XCLAIM', KEYS[1], 'workers', 'released', 0, entry[1], 'FORCE', 'JUSTID')
                count = count + 1
            elseif pending[2] ~= 'released' then
                break
            end
            left = left - 1
            for _, text in ipairs(entry[2]) do bytesLeft = bytesLeft - #text end
            after = '(' .. entry[1]
        end
    end
end
return count
