-- Takes a lock's key. The same nonce again is granted again, so a repeated call (the client
-- repeats after a lost connection) does not contend with itself.
-- KEYS[1] lock; ARGV nonce, time to live in ms
-- Replies {1} taken, {2} held by this nonce already, {0, ms left, holder's nonce} refused.
local holder = redis.call('GET', KEYS[1])
if not holder then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return {1}
end
if holder == ARGV[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return {2}
end
return {0, redis.call('PTTL', KEYS[1]), holder}
