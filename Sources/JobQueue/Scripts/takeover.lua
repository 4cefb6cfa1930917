#!lua flags=allow-oom
-- Adds jobs of lost consumers again, with one more crash. KEYS: stream, :f, :epoch.
-- ARGV: the caller's epoch; milliseconds without life; jobs at most; how many living consumers follow; they; then how many lost ones
--   follow; they. A living consumer keeps its jobs; a lost one's go at once, any other's after the time.
-- Answer: how many jobs went, how many pending entries without a job were dropped; or -1 when the caller is stale.
-- A marker is 1 to 15 digits; anything else is none.
local function epoch(value)
    if type(value) == 'string' and #value <= 15 and string.match(value, '^%d+$') then return tonumber(value) end
end
local marker = epoch(redis.pcall('GET', KEYS[3]))
if marker and marker > tonumber(ARGV[1]) then return { -1, 0 } end
redis.call('HLEN', KEYS[2])
local living, lost = { released = true }, {}
local at = 5
for _ = 1, tonumber(ARGV[4]) do
    living[ARGV[at]] = true
    at = at + 1
end
for index = at + 1, at + tonumber(ARGV[at]) do lost[ARGV[index]] = true end
local left = tonumber(ARGV[3])
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], 'workers')
if consumers.err then return { 0, 0 } end
local taken, dropped = 0, 0
for _, consumer in ipairs(consumers) do
    local name = consumer[2]
    if left > 0 and consumer[4] > 0 and not living[name] then
        local idle = lost[name] and 0 or ARGV[2]
        for _, one in ipairs(redis.call('XPENDING', KEYS[1], 'workers', 'IDLE', idle, '-', '+', left, name)) do
            local entry = redis.call('XRANGE', KEYS[1], one[1], one[1])[1]
            local fields = entry and entry[2]
            local record = fields and #fields == 2 and fields[1] == 'j' and fields[2]
            if not entry then
                redis.call('XACK', KEYS[1], 'workers', one[1])
                dropped = dropped + 1
            elseif not record or #record < 16 or string.byte(record, 1) ~= 1 then
                -- No handler ever saw it.
                redis.call('XCLAIM', KEYS[1], 'workers', 'released', 0, one[1], 'JUSTID')
                taken = taken + 1
            else
                local crashes = math.min(255, string.byte(record, 3) + 1)
                record = string.sub(record, 1, 2) .. string.char(crashes) .. string.sub(record, 4)
                redis.call('XDEL', KEYS[1], one[1])
                redis.call('XACK', KEYS[1], 'workers', one[1])
                redis.call('HSET', KEYS[2], string.sub(record, 17, 16 + string.byte(record, 4)), record)
                redis.call('XADD', KEYS[1], '*', 'j', record)
                taken = taken + 1
            end
            left = left - 1
        end
    end
end
return { taken, dropped }
