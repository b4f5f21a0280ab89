-- Charges one unit to an exact sliding log. `now` is in ms; a charge counts while
-- now - charged_at < window, so it is gone at exactly the window.
-- Charges of the future are those of a clock that was ahead, and would deny for as long as it was wrong.
-- KEYS[1] log; ARGV limit, window in ms, charge id
-- Replies {1, left} charged, {2, left} this id was charged already, {0, ms to wait} denied.
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
redis.call('ZREMRANGEBYSCORE', KEYS[1], now + skew, '+inf')
local count = redis.call('ZCARD', KEYS[1])
if redis.call('ZSCORE', KEYS[1], ARGV[3]) then
  return {2, math.max(0, limit - count)}
end
if count >= limit then
  local blocking = redis.call('ZRANGE', KEYS[1], count - limit, count - limit, 'WITHSCORES')
  if blocking[2] then
    return {0, blocking[2] + window - now}
  end
  return {0, window}
end
redis.call('ZADD', KEYS[1], now, ARGV[3])
redis.call('PEXPIRE', KEYS[1], window)
return {1, limit - count - 1}
