#!lua flags=allow-oom
-- Pauses a queue, also when Redis has no memory to spare. KEYS: :paused. ARGV: who and why.
redis.call('SET', KEYS[1], ARGV[1])
return 1
