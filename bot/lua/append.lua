-- ARGV: lanes, conversation, payload, once ('' for none), seconds to remember it, depth (0 for no cap)
local conversation, payload, once = ARGV[2], ARGV[3], ARGV[4]
local depth = tonumber(ARGV[6])
local seen = key(name, 'seen', once)
if once ~= '' and redis.call('EXISTS', seen) == 1 then return {'duplicate', 0} end
if depth > 0 and redis.call('LLEN', key(name, 'queue', conversation)) >= depth then return {'busy', 0} end
if once ~= '' then redis.call('SET', seen, 1, 'EX', ARGV[5]) end
local state = push(name, conversation, payload)
return {'accepted', state == 'leased' and 1 or 0}
