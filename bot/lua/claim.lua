-- ARGV: lanes, lease in ms, how many, the reader's process name
local lease, count = tonumber(ARGV[2]), tonumber(ARGV[3])
local now = now_ms()
local leased, ready = key(name, 'leased'), key(name, 'ready')
-- Expired leases and lanes whose delay has passed go first: they have waited longest.
for _, conversation in ipairs(redis.call('ZRANGEBYSCORE', leased, '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', leased, conversation)
  redis.call('HDEL', key(name, 'lane', conversation), 'fence')
  make_ready(name, conversation, 'LPUSH')
end
local claims = {}
while #claims < count do
  local conversation = redis.call('LPOP', ready)
  if not conversation then break end
  local lane = key(name, 'lane', conversation)
  local payload = redis.call('LINDEX', key(name, 'queue', conversation), 0)
  if payload then
    local fence = redis.call('INCR', key(name, 'fence'))
    local attempt = redis.call('HINCRBY', lane, 'attempts', 1)
    redis.call('HSET', lane, 'state', 'leased', 'fence', fence, 'reader', ARGV[4])
    redis.call('ZADD', leased, now + lease, conversation)
    claims[#claims + 1] = {conversation, fence, attempt, payload, redis.call('HGET', lane, 'note') or ''}
  else
    redis.call('DEL', lane)
  end
end
-- Nothing is ready any more: wake-ups that are left would only make readers look in vain.
if redis.call('LLEN', ready) == 0 then redis.call('DEL', key(name, 'wake')) end
return claims
