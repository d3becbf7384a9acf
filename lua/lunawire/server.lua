-- ws.serve: from options to a listening core.

local core = require "lunawire.core"
local inbox = require "lunawire.inbox"
local load = require "lunawire.load"
local misuse = require "lunawire.misuse"
local passing = require "lunawire.passing"

local server = {}

local function check_address(o, given)
  if o.path then
    if given.port or given.host then
      misuse.raise("serve takes a path, or a host and port, not both")
    end
    o.host = nil
  elseif not o.port then
    misuse.raise("serve needs a port (0 for any free one) or the path of a unix socket")
  end
end

-- Sets what the core calls: plain handlers, or on_request for a server that decides about requests.
-- `name` is that of the function whose options these are.
local function set_handlers(o, name)
  local handlers = passing "options".take_handlers(o)
  local has_handlers = next(handlers) ~= nil or o.on_upgrade ~= nil
  if o.routes and has_handlers then
    misuse.raise("%s takes routes or handlers, not both: "
      .. "put the handlers into a route like \"WS /path\"", name)
  elseif not o.routes and not has_handlers then
    misuse.raise("%s needs routes, or handlers such as on_message", name)
  end
  if o.routes then
    local dispatch = load "dispatch"
    o.on_request, o.upgrades = dispatch.by_route(o.routes, o.protocols, o.max_body)
  else
    passing "needs".load_for_handlers(handlers, o.on_upgrade)
    handlers = inbox.attach(handlers)
    if not o.on_upgrade then
      o.handlers = core.handlers(handlers)
      return
    end
    o.on_request = load "dispatch".any_path(handlers, o.on_upgrade, o.protocols)
  end
  o.protocols = nil -- dispatch chooses; the core must not choose where dispatch chose none
end

local function on_accept_error(message, code)
  core.report(("cannot accept connections: %s (%s)"):format(message, code))
end

-- What reload needs of each server's own options.
local kept = setmetatable({}, { __mode = "k" })

-- Listens. Returns a server, or nil, message, code.
function server.serve(given)
  local o = passing "options".check("serve", given)
  local keep = { protocols = o.protocols, max_body = o.max_body }
  check_address(o, given)
  set_handlers(o, "serve")
  o.on_error = on_accept_error
  if o.tls then
    local message, code
    o.tls, message, code = require "lunawire.tls".server_context(o.tls)
    if not o.tls then return nil, message, code end
  end
  local self, message, code = core.serve(o)
  if not self then return nil, message, code end
  kept[self] = keep
  return self
end

-- server:reload{ ... }: what changes for new connections. Nobody is dropped. Returns true, or nil,
-- message, code, and then nothing has changed.
function server.reload(self, given)
  misuse.expect_self(self, "server:reload{ ... }")
  local o = passing "options".check("reload", given)
  local certificates = o.tls
  o.tls = nil
  local has_handlers = next(o) ~= nil
  if not certificates and not has_handlers then
    misuse.raise("reload needs something new: tls, routes, or handlers such as on_message")
  elseif certificates and not core.has_tls(self) then
    misuse.raise("reload cannot give TLS to a server without it")
  end
  if has_handlers then
    o.protocols, o.max_body = kept[self].protocols, kept[self].max_body
    set_handlers(o, "reload")
  end
  if certificates then
    local context, message, code = require "lunawire.tls".server_context(certificates)
    if not context then return nil, message, code end
    core.set_tls(self, context)
  end
  if has_handlers then core.set_calls(self, o) end
  return true
end

return server
