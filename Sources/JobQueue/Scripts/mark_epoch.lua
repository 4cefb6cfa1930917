#!lua flags=allow-oom
-- Raises the marker of a shard. KEYS: :epoch. ARGV: epoch, '1' to set it where it is missing.
-- Answer: what the marker was, or nil.
-- A marker is 1 to 15 digits; anything else is none.
local function epoch(value)
    if type(value) == 'string' and #value <= 15 and string.match(value, '^%d+$') then return tonumber(value) end
end
local value = redis.pcall('GET', KEYS[1])
local number = epoch(value)
if (number and number < tonumber(ARGV[1])) or (not number and ARGV[2] == '1') then redis.call('SET', KEYS[1], ARGV[1]) end
return number and value or false
