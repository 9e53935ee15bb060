-- Sends prepared requests in turn. Arguments: a file of requests, each written as "<length>\n<bytes>", the number of
-- the first request, and the number of threads.

local threads = 0

function setup(thread)
   thread:set("number", threads)
   threads = threads + 1
end

function init(arguments)
   local file = assert(io.open(arguments[1], "rb"))
   requests = {}
   local length = file:read("*n")
   while length do
      file:read(1)
      requests[#requests + 1] = file:read(length)
      length = file:read("*n")
   end
   file:close()
   -- The threads begin at different objects, as far apart as can be.
   turn = tonumber(arguments[2]) + math.floor(number * #requests / tonumber(arguments[3]))
end

function request()
   turn = turn % #requests + 1
   return requests[turn]
end

-- One line of JSON for load.py. wrk counts a status above 399 as errors.status; times are microseconds.
function done(summary, latency, _)
   local e = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "duration": %d, "p50": %d, "p99": %d, "refused": %d, "broken": %d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
      e.status, e.connect + e.read + e.write + e.timeout))
end
