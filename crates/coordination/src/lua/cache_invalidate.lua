-- Raises the version below which nothing of a tag is served or stored any more.
-- KEYS[1] floor; ARGV version, life of the floor in ms
-- Replies the time in ms at which the present floor was raised.
local floor, raised = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+):(%d+)$')
if floor and tonumber(floor) >= tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(raised)
end
redis.call('SET', KEYS[1], ARGV[1] .. ':' .. string.format('%.0f', now), 'PX', ARGV[2])
return now
