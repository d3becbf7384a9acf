-- What a server will call when it is asked is loaded while it is set up: later its files may be out
-- of reach, as after a chroot. Servers that look at messages alone stay small.

local load = require "lunawire.load"

local files = {
  page = { "request", "response", "body", "form_parts", "task" }, -- a handler(req, res)
  on_upgrade = { "request", "response", "form_parts", "task" }, -- a function that may wait
  request = { "request", "form_parts" }, -- a choice by what was asked for
  on_open = { "request", "form_parts", "task" }, -- who begins looks at conn.request, and may wait
  coroutine = { "request", "form_parts", "receive" }, -- a function that reads the connection
}

local needs = {}

-- Loads what one of those uses.
function needs.load(kind)
  for _, file in ipairs(files[kind]) do load(file) end
end

-- Loads what such handlers use, and on_upgrade if there is one.
function needs.load_for_handlers(handlers, on_upgrade)
  if handlers.on_open then needs.load "on_open" end
  if on_upgrade then needs.load "on_upgrade" end
end

return needs
