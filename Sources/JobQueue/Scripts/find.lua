#!lua flags=no-writes
-- Looks for a job by its id, one page of the stream at a time. KEYS: stream, :z, :f.
-- ARGV: id, entry to go on after or '', entries at most.
-- Answer: entry or nil, its consumer or nil, ms since it was delivered, when it is due or nil, its record or nil, where to go on or nil.
local id, after = ARGV[1], ARGV[2]
local due = redis.pcall('ZSCORE', KEYS[2], id)
if type(due) == 'table' then due = false end
if due then
    local record = redis.call('HGET', KEYS[3], id)
    return { false, false, 0, string.format('%.0f', due), record, false }
end
local page = redis.pcall('XRANGE', KEYS[1], after == '' and '-' or '(' .. after, '+', 'COUNT', ARGV[3])
if page.err then page = {} end
for _, entry in ipairs(page) do
    local record = entry[2][2]
    if entry[2][1] == 'j' and #record >= 16 and string.byte(record, 4) == #id and string.sub(record, 17, 16 + #id) == id then
        local one = redis.pcall('XPENDING', KEYS[1], 'workers', entry[1], entry[1], 1)
        local consumer = not one.err and one[1] and one[1][2] or false
        return { entry[1], consumer, consumer and one[1][3] or 0, false, record, false }
    end
end
return { false, false, 0, false, false, #page == tonumber(ARGV[3]) and page[#page][1] }
