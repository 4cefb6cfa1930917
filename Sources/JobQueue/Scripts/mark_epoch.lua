#!lua flags=allow-oom
-- Raises the marker of a shard. KEYS: :epoch. ARGV: epoch, '1' to set it where it is missing.
-- Answer: what the marker was, or nil.
local marker = redis.call('GET', KEYS[1])
local number = tonumber(marker or '')
if (number and number < tonumber(ARGV[1])) or (not number and ARGV[2] == '1') then redis.call('SET', KEYS[1], ARGV[1]) end
return number and marker or false
