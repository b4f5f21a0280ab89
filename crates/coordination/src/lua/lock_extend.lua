-- Prolongs a lock's key, or takes it again where it was lost; never deletes.
-- KEYS[1] lock; ARGV nonce, time to live in ms
-- Replies 1 prolonged, 2 taken again, 0 held by another.
local holder = redis.call('GET', KEYS[1])
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return 1
end
if not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 2
end
return 0
