-- ARGV: lanes, conversation, fence, delay in ms, count the attempt (1 or 0)
local conversation, delay = ARGV[2], tonumber(ARGV[4])
local lane = key(name, 'lane', conversation)
if not holds(conversation, ARGV[3]) then return 0 end
if ARGV[5] == '0' then redis.call('HINCRBY', lane, 'attempts', -1) end
redis.call('HDEL', lane, 'fence')
if delay > 0 then
  redis.call('HSET', lane, 'state', 'delayed')
  redis.call('ZADD', key(name, 'leased'), now_ms() + delay, conversation)
else
  redis.call('ZREM', key(name, 'leased'), conversation)
  make_ready(name, conversation, 'LPUSH')
end
return 1
