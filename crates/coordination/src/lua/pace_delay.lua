-- Empties a bucket so that nothing is due for a while.
-- KEYS[1] bucket; ARGV delay, tolerance of the bucket, in µs
local spent = now + ARGV[1] + ARGV[2]
local known, written = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
if not known or tonumber(written) > now + skew or spent > tonumber(known) then
  local bucket = string.format('%.0f %.0f', spent, now)
  redis.call('SET', KEYS[1], bucket, 'PX', math.ceil((spent - now) / 1000))
end
return 1
