-- Empties a bucket so that nothing is due for a while.
-- KEYS[1] bucket; ARGV delay, tolerance of the bucket, in µs
local spent = now + ARGV[1] + ARGV[2]
local known = spent_until(redis.call('GET', KEYS[1]))
if not known or spent > known then
  save(KEYS[1], spent)
end
return 1
