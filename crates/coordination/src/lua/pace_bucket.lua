-- A bucket is the time up to which it is spent, and when that was written: by a clock that was ahead
-- and is right again it would be spent for as long as the clock was wrong, and is taken for full.
local function spent_until(bucket)
  local spent, written = string.match(bucket or '', '^(%d+) (%d+)$')
  if spent and tonumber(written) <= now + skew then return tonumber(spent) end
end
local function save(key, spent)
  local bucket = string.format('%.0f %.0f', spent, now)
  redis.call('SET', key, bucket, 'PX', math.ceil((spent - now) / 1000))
end
