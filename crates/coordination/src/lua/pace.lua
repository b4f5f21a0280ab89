-- Grants sends by two leaky buckets (GCRA): one of the number, one per recipient. A send is due when
-- the time up to which its bucket is spent, less the burst's worth, has come.
-- KEYS number, recipient, recipient, …; ARGV number interval, number tolerance, pair interval,
-- pair tolerance, all in µs. Replies kind, ms, kind, ms, …: 0 granted, 1 wait for the pair,
-- 2 wait for the number.
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local pair_interval, pair_tolerance = tonumber(ARGV[3]), tonumber(ARGV[4])
local stored = redis.call('MGET', unpack(KEYS))
local function read(bucket) return math.max(spent_until(bucket) or now, now) end

local spent = read(stored[1])
local queued, granted = spent, false
local pairs_spent, reply = {}, {}
for i = 2, #KEYS do
  local key = KEYS[i]
  local pair = pairs_spent[key] or read(stored[i])
  local pair_wait, wait = pair - pair_tolerance - now, queued - tolerance - now
  local kind, ms = 0, 0
  if pair_wait > 0 then
    kind, ms = 1, pair_wait
  elseif wait > 0 then
    kind, ms = 2, wait
    queued = queued + interval
  else
    spent = spent + interval
    queued, granted = spent, true
    pairs_spent[key] = pair + pair_interval
    save(key, pairs_spent[key])
  end
  reply[#reply + 1] = kind
  reply[#reply + 1] = math.ceil(ms / 1000)
end
if granted then
  save(KEYS[1], spent)
end
return reply
