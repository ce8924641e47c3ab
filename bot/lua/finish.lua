-- ARGV: lanes, conversation, fence, taken, dead letter ('' for none), outgoing count,
--       per outgoing: lanes, payload; then per write: length, command, arguments…
local conversation = ARGV[2]
if not holds(conversation, ARGV[3]) then return 0 end
local next_argument = 7
for _ = 1, tonumber(ARGV[6]) do
  push(ARGV[next_argument], conversation, ARGV[next_argument + 1])
  next_argument = next_argument + 2
end
while next_argument <= #ARGV do
  local length = tonumber(ARGV[next_argument])
  redis.call(unpack(ARGV, next_argument + 1, next_argument + length))
  next_argument = next_argument + 1 + length
end
if ARGV[5] ~= '' then
  redis.call('LPUSH', key(name, 'dead'), ARGV[5])
  redis.call('LTRIM', key(name, 'dead'), 0, DEAD_MAX - 1)
end
redis.call('LTRIM', key(name, 'queue', conversation), tonumber(ARGV[4]), -1)
redis.call('HDEL', key(name, 'lane', conversation), 'attempts', 'note')
let_go(conversation)
return 1
