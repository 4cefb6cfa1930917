#!lua flags=allow-oom
-- Delays jobs that failed or are postponed. KEYS: stream, :z, :f, :epoch.
-- ARGV: consumer, the caller's epoch, then for each job its entry, its id, the delay in milliseconds and its new record.
-- Answer: a letter for each job: d delayed, l not this consumer's any more, s the caller is stale (nothing was written).
-- A marker is 1 to 15 digits; anything else is none.
local function epoch(value)
    if type(value) == 'string' and #value <= 15 and string.match(value, '^%d+$') then return tonumber(value) end
end
local marker = epoch(redis.pcall('GET', KEYS[4]))
local isStale = marker and marker > tonumber(ARGV[2])
-- A key of the wrong type ends the script here, before the first write.
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local answer = {}
for at = 3, #ARGV, 4 do
    local entry, id = ARGV[at], ARGV[at + 1]
    local one = redis.pcall('XPENDING', KEYS[1], 'workers', entry, entry, 1)
    if isStale then
        answer[#answer + 1] = 's'
    elseif one.err or not one[1] or one[1][2] ~= ARGV[1] then
        answer[#answer + 1] = 'l'
    else
        redis.call('XDEL', KEYS[1], entry)
        redis.call('XACK', KEYS[1], 'workers', entry)
        redis.call('HSET', KEYS[3], id, ARGV[at + 3])
        redis.call('ZADD', KEYS[2], now + tonumber(ARGV[at + 2]), id)
        answer[#answer + 1] = 'd'
    end
end
return table.concat(answer)
