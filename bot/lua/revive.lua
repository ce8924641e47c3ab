-- ARGV: lanes, dead letter, conversation, payload; returns 0 where somebody else has taken the letter away
if redis.call('LREM', key(name, 'dead'), 1, ARGV[2]) == 0 then return 0 end
push(name, ARGV[3], ARGV[4])
return 1
