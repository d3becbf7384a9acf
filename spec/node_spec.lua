-- lunawire and node's ws, the most used implementation.

local helper = require "spec.helper"
local scenarios = require "spec.peers.scenarios"

if not helper.node_modules() then
  pending("node's ws is missing: npm ci in spec/peers installs it")
  return
end

scenarios.describe("node's ws", {
  client = { "node", "spec/peers/client.mjs" },
  server = { "node", "spec/peers/server.mjs" },
})
