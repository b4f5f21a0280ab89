-- Frees a lock's key if it is still this nonce's.
-- KEYS[1] lock; ARGV nonce
if redis.call('GET', KEYS[1]) == ARGV[1] then
  return redis.call('DEL', KEYS[1])
end
return 0
