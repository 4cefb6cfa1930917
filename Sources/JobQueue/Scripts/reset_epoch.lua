#!lua flags=allow-oom
-- Sets the marker of a shard back. KEYS: :epoch. ARGV: the marker that was seen, the one that it is to be.
-- Answer: 1 set back, 0 it is another one by now.
-- A marker is 1 to 15 digits; anything else is none.
local function epoch(value)
    if type(value) == 'string' and #value <= 15 and string.match(value, '^%d+$') then return tonumber(value) end
end
if epoch(redis.pcall('GET', KEYS[1])) ~= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2])
return 1
