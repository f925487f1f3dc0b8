-- Sends the requests of a file one after the other: six digits of length, then the bytes of the request.
local requests

function init(arguments)
  requests = assert(io.open(arguments[1], "rb"))
end

function request()
  local length = requests:read(6)
  if not length then
    requests:seek("set", 0)
    length = requests:read(6)
  end
  return requests:read(tonumber(length))
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "failures": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.connect + errors.read + errors.write + errors.timeout + errors.status))
end
