-- Stores a loaded value, unless an invalidation or a newer fill has overtaken the load.
-- KEYS[1] value, [2] floor, [3] lease; ARGV version, ms it took, payload, hard ttl in ms, lease id
-- Replies 1 stored, 0 refused.
if redis.call('GET', KEYS[3]) == ARGV[5] then
  redis.call('DEL', KEYS[3])
end
local version = tonumber(ARGV[1])
local floor = string.match(redis.call('GET', KEYS[2]) or '', '^(%d+):') or '0'
local stored = string.match(redis.call('GETRANGE', KEYS[1], 0, 24), '^(%d+):') or '0'
if version < tonumber(floor) or version < tonumber(stored) then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. ARGV[2] .. ':' .. ARGV[3], 'PX', ARGV[4])
return 1
