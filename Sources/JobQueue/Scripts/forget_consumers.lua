-- Removes consumers that have nothing pending. KEYS: stream.
-- ARGV: milliseconds without life, the only one to remove or '', then names to keep. Answer: how many went.
-- A consumer that is removed with jobs in hand would leave them where nobody ever finds them.
local keep = { released = true }
for at = 3, #ARGV do keep[ARGV[at]] = true end
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], 'workers')
if consumers.err then return 0 end
local count = 0
for _, consumer in ipairs(consumers) do
    local name, pending, idle = consumer[2], consumer[4], consumer[6]
    if pending == 0 and idle >= tonumber(ARGV[1]) and not keep[name] and (ARGV[2] == '' or ARGV[2] == name) then
        redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'workers', name)
        count = count + 1
    end
end
return count
