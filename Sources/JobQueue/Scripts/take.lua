#!lua flags=allow-oom
-- Takes jobs of many shards: first what was released, then new ones.
-- KEYS: for each shard its stream, :paused, :epoch.
-- ARGV: consumer; 'any', 'clean' or 'none' of the released; jobs of a shard at most; jobs at most; bytes at most; suspects at most; bytes of a
--   record at most; then for each shard the caller's epoch.
-- Answer: a letter for each shard ('.' fine, 'w' fine but without a marker: wiped, 'p' paused, 's' the caller is stale, 'x' no stream of
--   ours) and one more ('r' some had been released before, '.' none), then for each job the shard's index, the entry and the record.
local consumer, released = ARGV[1], ARGV[2]
local perShard, left, bytesLeft = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local suspectsMax, recordMax = tonumber(ARGV[6]), tonumber(ARGV[7])
local shards = #KEYS / 3
local letters, answer = {}, { '' }

-- A marker is 1 to 15 digits; anything else is none.
local function epoch(value)
    if type(value) == 'string' and #value <= 15 and string.match(value, '^%d+$') then return tonumber(value) end
end

local looked = {}
for i = 1, shards do
    looked[2 * i - 1] = KEYS[3 * i - 1]
    looked[2 * i] = KEYS[3 * i]
end
local states = redis.call('MGET', unpack(looked))
local open = {}
for i = 1, shards do
    local marker = epoch(states[2 * i])
    if states[2 * i - 1] then
        letters[i] = 'p'
    elseif marker and marker > tonumber(ARGV[7 + i]) then
        letters[i] = 's'
    else
        letters[i] = marker and '.' or 'w'
        open[#open + 1] = i
    end
end

local function record(fields)
    if #fields == 2 and fields[1] == 'j' and #fields[2] <= recordMax then return fields[2] end
    return '\0' .. string.sub(table.concat(fields, ' '), 1, 1000)
end

local function give(i, entry)
    local value = record(entry[2])
    answer[#answer + 1] = i
    answer[#answer + 1] = entry[1]
    answer[#answer + 1] = value
    left = left - 1
    bytesLeft = bytesLeft - #value
end

-- Jobs of one count of crashes only: suspects never share a batch with others.
local class
local function giveReleased(i)
    local stream = KEYS[3 * i - 2]
    -- More than are taken, for there may be suspects before the clean ones.
    local pending = redis.pcall('XPENDING', stream, 'workers', '-', '+', left + 1000, 'released')
    if pending.err then return end
    for _, one in ipairs(pending) do
        if left <= 0 or bytesLeft <= 0 then return end
        local entry = redis.call('XRANGE', stream, one[1], one[1])[1]
        if not entry then
            redis.call('XACK', stream, 'workers', one[1])
        else
            local value = record(entry[2])
            local crashes = string.byte(value, 1) == 1 and string.byte(value, 3) or 0
            if not class and (crashes == 0 or released == 'any') then
                class = crashes
                if crashes == 1 then left = math.min(left, suspectsMax) elseif crashes > 1 then left = 1 end
            end
            if crashes == class then
                redis.call('XCLAIM', stream, 'workers', consumer, 0, one[1], 'JUSTID')
                give(i, entry)
            end
        end
    end
end
if released ~= 'none' then
    for _, i in ipairs(open) do giveReleased(i) end
end

local function read(count, streams, first, last)
    local command = { 'XREADGROUP', 'GROUP', 'workers', consumer, 'COUNT', count, 'STREAMS' }
    for at = first, last do command[#command + 1] = KEYS[3 * streams[at] - 2] end
    for _ = first, last do command[#command + 1] = '>' end
    return redis.pcall(unpack(command))
end

if (class or 0) == 0 and left > 0 and #open > 0 then
    -- One look at as many streams as there may be jobs, an equal part of each; then more of those that had more.
    local count = math.min(perShard, math.max(1, math.floor(left / #open)))
    local first = math.min(#open, left)
    local result = read(count, open, 1, first)
    local more = {}
    local taken = {}
    if result and result.err then
        for at = 1, first do more[#more + 1] = open[at] end
    elseif result then
        local index = {}
        for at = 1, first do index[KEYS[3 * open[at] - 2]] = open[at] end
        for _, one in ipairs(result) do
            local i = index[one[1]]
            for _, entry in ipairs(one[2]) do give(i, entry) end
            taken[i] = #one[2]
            if #one[2] >= count then more[#more + 1] = i end
        end
    end
    for at = first + 1, #open do more[#more + 1] = open[at] end
    for _, i in ipairs(more) do
        while left > 0 and bytesLeft > 0 do
            local wanted = math.min(left, perShard - (taken[i] or 0), 100)
            if wanted <= 0 then break end
            local some = read(wanted, { i }, 1, 1)
            if some and some.err and string.sub(some.err, 1, 7) == 'NOGROUP' then
                redis.pcall('XGROUP', 'CREATE', KEYS[3 * i - 2], 'workers', '0', 'MKSTREAM')
                some = read(wanted, { i }, 1, 1)
            end
            if some and some.err then letters[i] = 'x' end
            if not some or some.err then break end
            for _, entry in ipairs(some[1][2]) do give(i, entry) end
            taken[i] = (taken[i] or 0) + #some[1][2]
            if #some[1][2] < wanted then break end
        end
    end
end
letters[shards + 1] = class and 'r' or '.'
answer[1] = table.concat(letters)
return answer
