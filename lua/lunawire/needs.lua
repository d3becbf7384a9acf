-- What a server will call when it is asked is loaded while it is set up: later its files may be out
-- of reach, as after a chroot. What its handlers cannot reach stays out of memory.

local load = require "lunawire.load"

local files = {
  page = { "request", "response", "body", "form_parts", "task" }, -- a handler(req, res)
  on_upgrade = { "request", "response", "form_parts", "task" }, -- a function that may wait
  request = { "request", "form_parts" }, -- conn.request, or a choice by what was asked for
  coroutine = { "request", "form_parts", "receive" }, -- a function that reads the connection
}

local needs = {}

-- Loads what one of those uses.
function needs.load(kind)
  for _, file in ipairs(files[kind]) do load(file) end
end

-- Loads what such handlers use. Who opens connections looks at what they asked for.
function needs.load_for_handlers(handlers, on_upgrade)
  if handlers.on_open then needs.load "request" end
  if on_upgrade then needs.load "on_upgrade" end
end

return needs
