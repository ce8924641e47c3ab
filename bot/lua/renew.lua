-- ARGV: lanes, lease in ms, then pairs of conversation and fence; returns 1 or 0 for each pair
local expires = now_ms() + tonumber(ARGV[2])
local kept = {}
for i = 3, #ARGV, 2 do
  if holds(ARGV[i], ARGV[i + 1]) then
    redis.call('ZADD', key(name, 'leased'), expires, ARGV[i])
    kept[#kept + 1] = 1
  else
    kept[#kept + 1] = 0
  end
end
return kept
