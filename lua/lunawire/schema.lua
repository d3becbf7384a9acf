-- Every option of lunawire: where it is valid, its kind, default and range, and what it does.
--
-- The rows are text, which is read when somebody asks for a scope. As tables they would be a
-- quarter of what a small server keeps in memory, and Lua's collector would look at each of them
-- again and again, though a server checks its options once.

local schema = {}

-- Each option has two lines: its name, the scopes that have it, its kind, and what there is of
-- default, min and max; then what it does. Sizes are bytes, times are seconds.
--
-- 16M of max_buffered hold some messages of the greatest length, and a hundred peers for which so
-- much waits do not fill a machine.
local text = [[
-- where to listen
host (serve) string default=127.0.0.1
  numeric address to listen on; "*" for all
port (serve) integer min=0 max=65535
  TCP port; 0 for any free one
path (serve) string
  unix socket to listen on, instead of host and port
backlog (serve) integer default=511 min=1 max=65535
  connections that may wait to be accepted
reuse_port (serve) boolean default=false
  let several processes listen on the port
max_connections (serve) integer default=100000 min=1 max=10000000
  connections at one time
max_topics (serve) integer default=1000 min=1 max=10000000
  topics that one connection may subscribe to
proxy_protocol (serve) boolean default=false
  connections come through a proxy and begin with a PROXY protocol header, version 1 or 2

-- what to do with a request
routes (serve reload) table
  "METHOD /path" = handler
origins (serve) origins
  pages that may connect: "*" or a list of origins; without it, pages of this server
tls (serve reload) tls_server
  encrypt: { cert =, key =, ca =, client_auth =, sni = }, or "self-signed" for localhost
tls (connect) tls_client
  { ca =, cert =, key =, verify =, server_name = }
protocols (serve connect route) tokens
  subprotocols, the preferred one first

-- what to ask for
headers (connect files) table
  header fields to send: name = value
auth (connect) auth
  who we are: { user =, password = }, or { bearer = } with a token
max_redirects (connect) integer default=5 min=0 max=50
  how often a server may send us elsewhere; 0: never
proxy (connect) proxy
  "http://user:password@host:port", https, socks5, socks5h; or false; else the environment decides
local_address (connect) string
  numeric address to connect from
reconnect (connect) reconnect
  connect again after an end: true, or a table of what lua/lunawire/backoff.lua lists
timeout (connect) seconds default=10 min=0.001
  from the call until the connection is open

-- limits of a connection
max_message (serve connect) size default=1M max=1G
  the longest message to accept
max_buffered (serve connect) size default=16M max=4G
  output that may wait for a slow peer
high_water (serve connect) size default=64K max=4G
  waiting output above which send returns false
on_slow (serve connect) slow default=close
  above max_buffered: close the connection, or drop the message
handshake_timeout (serve) seconds default=10 min=0.001
  for TLS and a request's head, and until an upgrade is decided
close_timeout (serve connect) seconds default=5 min=0.001
  how long the closing handshake may take
idle_timeout (serve connect) seconds default=0
  close after so long without a message; 0: never
ping_interval (serve connect) seconds default=20
  ping a peer after so long a silence, close after as long again; 0: never
deflate (serve connect) deflate default=false
  compress messages: true, or a table of what lua/lunawire/deflate.lua lists

-- plain HTTP
max_body (serve) size default=1M max=1T
  the longest body of a request
max_body (page) size max=1T
  the same for one route
keep_alive (serve) seconds default=60 min=0.001
  how long a connection may wait for another request
body_timeout (serve) seconds default=10 min=0.001
  silence in a request's body; and what may be lost against 1 KiB a second
write_timeout (serve) seconds default=60 min=0.001
  during which a client reads nothing of its answer

-- how a server ends
over (drain) seconds default=10
  the time in which all connections are closed
code (drain) close_code default=1012
  what clients are told
reason (drain) reason default=
  the same in words

-- of ws.files
index (files) string default=index.html
  the file that stands for its directory
types (files) table
  media types by extension: { md = "text/plain" }
cache_control (files) string
  the header field Cache-Control
gzip (files) boolean default=true
  send name.gz instead of name to those who take it
hidden (files) boolean default=false
  also files whose name begins with a dot
listing (files) boolean default=false
  list directories without an index
cache (files) size default=8M max=4G
  memory for small files

-- of req:form
max_fields (form) integer default=256 min=1 max=100000
  values and files in one form
max_field (form) size default=64K max=1G
  the longest value
max_file (form) size default=16M max=1T
  the longest file
max_total (form) size default=32M max=1T
  all of it
directory (form) string
  for temporary files, instead of the system's
on_file (form) function
  (part): what takes a file; returns a function (chunk, final)

-- handlers
handler (page) function
  (req, res): answers a plain request
on_upgrade (serve reload route) function
  (req): decides before the connection opens
on_open (serve reload connect route) function
  (conn): the connection is open
on_message (serve reload connect route) function
  (conn, message, kind): a whole message
on_chunk (serve reload connect route) function
  (conn, chunk, kind, final): a piece of one
on_close (serve reload connect route) function
  (conn, code, reason): once for each on_open
on_error (serve reload connect route) function
  (conn, message, code): what went wrong
on_drain (serve reload connect route) function
  (conn): what waited has been written
on_ping (serve reload connect route) function
  (conn, payload): a ping, already answered
on_pong (serve reload connect route) function
  (conn, payload): a pong
on_reconnect (connect) function
  (attempt, delay, message, code): what ended, and when the next try is
]]

local MONTH = 30 * 24 * 3600 -- the longest time limit: its milliseconds fit into 32 bits

-- A value as it stands in the text: 5, true, 64K.
local function value_of(word)
  if word == "true" or word == "false" then return word == "true" end
  return tonumber(word) or word
end

-- { name =, scopes =, kind =, doc = } and what else the row says.
local function read_row(head, doc)
  local name, scopes, kind, rest = head:match("^(%S+) %((.-)%) (%S+)(.*)$")
  local option = { name = name, scopes = scopes, kind = kind, doc = doc }
  if kind == "seconds" then option.min, option.max = 0, MONTH end
  for key, word in rest:gmatch(" (%l+)=(%S*)") do option[key] = value_of(word) end
  return option
end

-- All options that are valid in a scope, or simply all, in the order of the text.
function schema.rows(scope)
  local rows = {}
  for head, scopes, doc in text:gmatch("\n(%l%S* %((.-)%)[^\n]*)\n  ([^\n]*)") do
    if not scope or scopes:find("%f[%l]" .. scope .. "%f[%L]") then
      rows[#rows + 1] = read_row(head, doc)
    end
  end
  return rows
end

-- Scopes that were read. A client needs its options for each connection, and a form for each
-- request; the collector may take the others back.
local kept, passing = {}, setmetatable({}, { __mode = "v" })
local is_kept = { connect = true, form = true }

-- { by_name = { [name] = option }, names = { every name in order } }. To be read only.
function schema.scope(name)
  local store = is_kept[name] and kept or passing
  local scope = store[name]
  if scope then return scope end
  scope = { by_name = {}, names = {} }
  for i, option in ipairs(schema.rows(name)) do
    scope.by_name[option.name], scope.names[i] = option, option.name
  end
  store[name] = scope
  return scope
end

return schema
