-- ARGV: lanes, conversation, fence, text
if not holds(ARGV[2], ARGV[3]) then return 0 end
redis.call('HSET', key(name, 'lane', ARGV[2]), 'note', ARGV[4])
return 1
