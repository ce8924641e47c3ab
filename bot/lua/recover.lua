-- ARGV: lanes, then the names of dead readers; their leases expire at once. Returns how many.
local dead = {}
for i = 2, #ARGV do dead[ARGV[i]] = true end
local count = 0
for _, conversation in ipairs(redis.call('ZRANGE', key(name, 'leased'), 0, -1)) do
  local lane = redis.call('HMGET', key(name, 'lane', conversation), 'state', 'reader')
  if lane[1] == 'leased' and lane[2] and dead[lane[2]] then
    redis.call('ZADD', key(name, 'leased'), 0, conversation)
    count = count + 1
  end
end
if count > 0 then wake(name) end
return count
