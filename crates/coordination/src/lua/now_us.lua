local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- By how much the clocks of two masters may differ.
local skew = 1000000
