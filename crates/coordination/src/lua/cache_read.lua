-- Reads a cached value and, when it is due for a reload, tries to lease the reload to the caller.
-- A value is stored as "version:ms it took to load:payload", the floor as "version:raised at ms".
-- KEYS[1] value, [2] floor, [3] lease
-- ARGV soft ttl, hard ttl in ms, lease id, lease ms, earliness (times the load time, in ms)
-- Replies {value or nil, age in ms, 1 if leased, floor, ms since it was raised}.
local soft, hard = tonumber(ARGV[1]), tonumber(ARGV[2])
local stored = redis.call('GET', KEYS[1])
local floor, raised = string.match(redis.call('GET', KEYS[2]) or '', '^(%d+):(%d+)$')
floor, raised = floor or '0', tonumber(raised or now)
local age, due = 0, true
if stored then
  local version, took = string.match(stored, '^(%d+):(%d+):')
  if tonumber(version) < tonumber(floor) then
    redis.call('DEL', KEYS[1])
    stored = false
  else
    age = math.max(0, hard - redis.call('PTTL', KEYS[1]))
    due = age + took * tonumber(ARGV[5]) >= soft
  end
end
local leased = 0
if due and redis.call('SET', KEYS[3], ARGV[3], 'NX', 'PX', ARGV[4]) then
  leased = 1
end
return {stored, age, leased, floor, now - raised}
