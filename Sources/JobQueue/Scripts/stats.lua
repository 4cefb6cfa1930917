#!lua flags=no-writes
-- A shard's figures. KEYS: stream, :z, :f, :dlq, :paused, :epoch.
-- Answer: entries, pending, of these released, delayed, known, dead, now in ms, first waiting entry, first pending entry, when the first
--   delayed job is due, reason of the pause, marker, the first key that holds what is not ours. Texts are nil where there is none.
local function size(command, key)
    local count = redis.pcall(command, key)
    return type(count) == 'number' and count or 0
end
local function text(key)
    local value = redis.pcall('GET', key)
    return type(value) == 'string' and value
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local pending, released, firstPending, lastDelivered = 0, 0, false, '0-0'
local firstWaiting = false
local summary = redis.pcall('XPENDING', KEYS[1], 'workers')
if not summary.err then
    pending = summary[1]
    for _, consumer in ipairs(summary[4] or {}) do
        if consumer[1] == 'released' then released = tonumber(consumer[2]) end
    end
    if released > 0 then firstWaiting = redis.call('XPENDING', KEYS[1], 'workers', '-', '+', 1, 'released')[1][1] end
    if pending > released then
        local least
        for _, consumer in ipairs(summary[4]) do
            if consumer[1] ~= 'released' then
                local one = redis.call('XPENDING', KEYS[1], 'workers', '-', '+', 1, consumer[1])[1][1]
                local milliseconds = tonumber(string.match(one, '^%d+'))
                if not least or milliseconds < least then least, firstPending = milliseconds, one end
            end
        end
    end
    for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
        if group[2] == 'workers' then lastDelivered = group[8] end
    end
end
if not firstWaiting then
    local first = redis.pcall('XRANGE', KEYS[1], '(' .. lastDelivered, '+', 'COUNT', 1)
    firstWaiting = not first.err and first[1] and first[1][1] or false
end
-- Pause and marker are overwritten when they are set, whatever they hold.
local types, foreign = { 'stream', 'zset', 'hash', 'stream' }, false
for at = #types, 1, -1 do
    local type = redis.call('TYPE', KEYS[at]).ok
    if type ~= 'none' and type ~= types[at] then foreign = KEYS[at] end
end
local due = redis.pcall('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
return {
    size('XLEN', KEYS[1]), pending, released, size('ZCARD', KEYS[2]), size('HLEN', KEYS[3]), size('XLEN', KEYS[4]), now,
    firstWaiting, firstPending, not due.err and due[2] or false, text(KEYS[5]), text(KEYS[6]), foreign,
}
