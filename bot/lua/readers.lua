-- ARGV: lanes. Returns the process names that hold leases.
local readers, seen = {}, {}
for _, conversation in ipairs(redis.call('ZRANGE', key(name, 'leased'), 0, -1)) do
  local reader = redis.call('HGET', key(name, 'lane', conversation), 'reader')
  if reader and not seen[reader] then
    seen[reader] = true
    readers[#readers + 1] = reader
  end
end
return readers
