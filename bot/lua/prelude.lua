-- What the scripts share. KEYS[1] is the partition's base: every key below begins with it and so carries
-- its hash tag; that keeps a script in one slot of a cluster.
local base = KEYS[1]
local name = ARGV[1]
local WAKE_MAX = 256
local DEAD_MAX = 10000

local function key(lanes, what, conversation)
  if conversation then return base .. ':' .. lanes .. ':' .. what .. ':' .. conversation end
  return base .. ':' .. lanes .. ':' .. what
end

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

local function wake(lanes)
  redis.call('LPUSH', key(lanes, 'wake'), 1)
  redis.call('LTRIM', key(lanes, 'wake'), 0, WAKE_MAX - 1)
end

local function make_ready(lanes, conversation, side)
  redis.call('HSET', key(lanes, 'lane', conversation), 'state', 'ready')
  redis.call(side, key(lanes, 'ready'), conversation)
  wake(lanes)
end

local function push(lanes, conversation, payload)
  redis.call('RPUSH', key(lanes, 'queue', conversation), payload)
  local state = redis.call('HGET', key(lanes, 'lane', conversation), 'state')
  if not state then make_ready(lanes, conversation, 'RPUSH') end
  return state
end

local function holds(conversation, fence)
  return redis.call('HGET', key(name, 'lane', conversation), 'fence') == fence
end

local function let_go(conversation)
  local lane = key(name, 'lane', conversation)
  redis.call('ZREM', key(name, 'leased'), conversation)
  redis.call('HDEL', lane, 'fence')
  if redis.call('LLEN', key(name, 'queue', conversation)) > 0 then
    make_ready(name, conversation, 'RPUSH')
  else
    redis.call('DEL', lane)
  end
end
