#!lua flags=no-writes
-- Looks at some jobs, changing nothing. KEYS: stream, :z, :f, :dlq.
-- ARGV: waiting, pending, delayed or dead; a place to go on after, or ''; jobs at most; bytes of a record at most.
-- Answer: for each job its entry or '', its consumer or '', a number (waiting since its delivery, or due at, in ms), and its record.
local what, after, count, recordMax = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local answer = {}
local function give(entry, consumer, number, record)
    for _, value in ipairs({ entry, consumer, number, record }) do answer[#answer + 1] = value end
    count = count - 1
end
local function giveEntry(consumer, number, entry)
    local fields = entry[2]
    if #fields == 2 and fields[1] == 'j' and #fields[2] <= recordMax then
        give(entry[1], consumer, number, fields[2])
    else
        give(entry[1], consumer, number, '\0' .. string.sub(table.concat(fields, ' '), 1, 1000))
    end
end
local first = after == '' and '-' or '(' .. after
if what == 'delayed' then
    local start = tonumber(after) or 0
    local ids = redis.call('ZRANGE', KEYS[2], start, start + count - 1, 'WITHSCORES')
    for at = 1, #ids, 2 do
        local record = redis.call('HGET', KEYS[3], ids[at])
        give('', '', math.floor(tonumber(ids[at + 1])), record and #record <= recordMax and record or '\0' .. string.sub(ids[at], 1, 1000))
    end
elseif what == 'dead' then
    for _, entry in ipairs(redis.call('XRANGE', KEYS[4], first, '+', 'COUNT', count)) do giveEntry('', 0, entry) end
else
    local last = '0-0'
    local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
    if groups.err then groups = {} end
    for _, group in ipairs(groups) do
        if group[2] == 'workers' then
            last = group[8]
            local consumers = what == 'waiting' and { { 'name', 'released' } } or redis.call('XINFO', 'CONSUMERS', KEYS[1], 'workers')
            for _, consumer in ipairs(consumers) do
                local name = consumer[2]
                if count > 0 and (what == 'waiting' or name ~= 'released') then
                    for _, one in ipairs(redis.call('XPENDING', KEYS[1], 'workers', first, '+', count, name)) do
                        local entry = redis.call('XRANGE', KEYS[1], one[1], one[1])[1]
                        if entry then giveEntry(what == 'waiting' and '' or name, one[3], entry) end
                    end
                end
            end
        end
    end
    if what == 'waiting' and count > 0 then
        local groupFirst = '(' .. last
        if after ~= '' then
            local afterMs, afterSeq = string.match(after, '^(%d+)-(%d+)$')
            local lastMs, lastSeq = string.match(last, '^(%d+)-(%d+)$')
            if tonumber(afterMs) > tonumber(lastMs) or (afterMs == lastMs and tonumber(afterSeq) > tonumber(lastSeq)) then
                groupFirst = first
            end
        end
        local entries = redis.pcall('XRANGE', KEYS[1], groupFirst, '+', 'COUNT', count)
        if not entries.err then
            for _, entry in ipairs(entries) do giveEntry('', 0, entry) end
        end
    end
end
return answer
