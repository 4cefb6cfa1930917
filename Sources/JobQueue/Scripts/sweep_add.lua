#!lua
-- Adds jobs that are not known to be delayed or tried again. KEYS: stream, :z, :f.
-- ARGV: entries of the stream that are looked through at most, then for each job its id and its record.
-- Answer: a digit for each job: 1 added, 0 known.
redis.call('XLEN', KEYS[1])
redis.call('ZCARD', KEYS[2])
redis.call('HLEN', KEYS[3])
-- What has a record and is not delayed is in the stream, or nowhere.
local doubted, doubts = {}, 0
for at = 2, #ARGV, 2 do
    local id = ARGV[at]
    if not doubted[id] and redis.call('HEXISTS', KEYS[3], id) == 1 and not redis.call('ZSCORE', KEYS[2], id) then
        doubted[id] = true
        doubts = doubts + 1
    end
end

local function idOf(record)
    if record and #record >= 16 and string.byte(record, 1) == 1 then return string.sub(record, 17, 16 + string.byte(record, 4)) end
end

if doubts > 0 then
    local lastMs, lastSeq = 0, 0
    local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
    for _, group in ipairs(groups.err and {} or groups) do
        if group[2] == 'workers' then
            lastMs, lastSeq = string.match(group[8], '^(%d+)-(%d+)$')
            lastMs, lastSeq = tonumber(lastMs), tonumber(lastSeq)
        end
    end
    -- A stray, which was given out and is in nobody's hand, does not count: the job is added in its place.
    local function lives(entry)
        local ms, seq = string.match(entry, '^(%d+)-(%d+)$')
        ms, seq = tonumber(ms), tonumber(seq)
        if ms > lastMs or (ms == lastMs and seq > lastSeq) then return true end
        local pending = redis.pcall('XPENDING', KEYS[1], 'workers', entry, entry, 1)
        return not pending.err and #pending > 0
    end
    local first, left, page = '-', tonumber(ARGV[1]), nil
    repeat
        page = redis.call('XRANGE', KEYS[1], first, '+', 'COUNT', 500)
        for _, entry in ipairs(page) do
            local id = entry[2][1] == 'j' and idOf(entry[2][2])
            if id and doubted[id] then
                if lives(entry[1]) then
                    doubted[id] = nil
                    doubts = doubts - 1
                else
                    redis.call('XDEL', KEYS[1], entry[1])
                end
            end
        end
        left = left - #page
        first = #page == 500 and '(' .. page[500][1]
        if first and left <= 0 then doubted = {} end
    until doubts == 0 or not first or left <= 0
end

local answer = {}
for at = 2, #ARGV, 2 do
    local id, record = ARGV[at], ARGV[at + 1]
    local isKnown = redis.call('HEXISTS', KEYS[3], id) == 1
    if isKnown and doubted[id] then
        doubted[id] = nil
        isKnown = false
        local known = redis.call('HGET', KEYS[3], id)
        if idOf(known) == id then record = known else redis.call('HDEL', KEYS[3], id) end
    end
    if not isKnown then redis.call('XADD', KEYS[1], '*', 'j', record) end
    answer[#answer + 1] = isKnown and '0' or '1'
end
return table.concat(answer)
