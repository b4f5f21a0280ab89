-- Empties a bucket so that nothing is due for a while.
-- KEYS[1] bucket; ARGV delay, tolerance of the bucket, in µs
local spent = now + ARGV[1] + ARGV[2]
if spent > tonumber(redis.call('GET', KEYS[1]) or '0') then
  redis.call('SET', KEYS[1], string.format('%.0f', spent), 'PX', math.ceil((spent - now) / 1000))
end
return 1
