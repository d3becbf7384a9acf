-- lunawire and Python's websockets, the strictest implementation.

local helper = require "spec.helper"
local scenarios = require "spec.peers.scenarios"

scenarios.describe("Python's websockets", {
  client = { helper.python, "spec/peers/client.py" },
  server = { helper.python, "spec/peers/server.py" },
})
