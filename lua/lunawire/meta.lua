---@meta lunawire
-- luacheck: ignore 212 241
-- Types for editors (lua-language-server). This file is never loaded.
--
-- Times are seconds, sizes are bytes or strings like "64K". What can go wrong at run time returns
-- nil, message, code; wrong use raises.

---@class lunawire
---@field version string
---@field protocol table the protocol alone, without a loop
local ws = {}

---@alias lunawire.Kind "text" | "binary"
---@alias lunawire.Size integer | string
---@alias lunawire.Seconds number
---@alias lunawire.State "connecting" | "request" | "open" | "closing" | "closed"

-- The loop ----------------------------------------------------------------------------------------

---Runs until nothing is left to wait for, or `ws.stop()`. Raises in a handler.
function ws.run() end

---Ends `ws.run()` after the handler that is running.
function ws.stop() end

---Turns the loop once. Raises in a handler.
---@param seconds? lunawire.Seconds the longest to wait; default: until something happens
---@return boolean more true while something is left to wait for
function ws.step(seconds) end

---@return integer? descriptor readable when a step has something to do
function ws.fd() end

---@return lunawire.Seconds now monotonic; advances once a turn of the loop
function ws.now() end

---@class lunawire.Timer
local Timer = {}

---Calls it off. May be called at any time and more than once.
function Timer:stop() end

---Calls `fn()` once.
---@param seconds lunawire.Seconds
---@param fn fun()
---@return lunawire.Timer
function ws.after(seconds, fn) end

---Calls `fn()` again and again.
---@param seconds lunawire.Seconds above 0
---@param fn fun()
---@return lunawire.Timer
function ws.every(seconds, fn) end

---Calls `fn(name)` at each signal. Does not keep `ws.run()` running.
---@param name string "SIGINT", "SIGTERM", ...
---@param fn fun(name: string)
---@return lunawire.Timer? signal
---@return string? message
---@return string? code
function ws.on_signal(name, fn) end

-- Tasks -------------------------------------------------------------------------------------------

---@class lunawire.Task
---@field state "running" | "done" | "failed"
local Task = {}

---Waits until the task has ended.
---@param seconds? lunawire.Seconds
---@return any ... what its function returned; or nil, message, "FAILED" or "TIMEOUT"
function Task:join(seconds) end

---Runs `fn(...)` in a coroutine, in which functions that wait let others run. An error in it is
---reported with its traceback.
---@param fn fun(...)
---@param ... any
---@return lunawire.Task
function ws.spawn(fn, ...) end

---Waits. In a handler it raises.
---@param seconds lunawire.Seconds
function ws.sleep(seconds) end

---The files of a directory, for a "GET" route. Raises when there is none.
---@param directory string
---@param options? lunawire.FilesOptions
---@return lunawire.Files
function ws.files(directory, options) end

-- Connections -------------------------------------------------------------------------------------

---@class lunawire.Tls
---@field version string "TLSv1.3", "TLSv1.2"
---@field cipher string
---@field alpn? string
---@field resumed boolean the session is a continued one
---@field ktls boolean the kernel encrypts what is sent
---@field peer? lunawire.TlsPeer the peer's certificate

---@class lunawire.TlsPeer
---@field verified boolean
---@field subject string "CN=localhost"
---@field issuer string
---@field names string[] host names and addresses
---@field expires string "2026-12-31 23:59:59 UTC"

---A connection of a server or a client. Scripts may keep fields of their own in it.
---@class lunawire.Connection
---@field data any what `on_upgrade` returned
---@field state lunawire.State
---@field buffered integer bytes of output that wait
---@field unsent integer messages that `send` accepted and the system has not wholly taken
---@field protocol? string the agreed subprotocol
---@field extensions? string the agreed compression with its parameters
---@field remote_address? string
---@field remote_port? integer
---@field rtt? lunawire.Seconds of the last ping
---@field is_server boolean
---@field server? lunawire.Server that accepted it
---@field request? lunawire.Request on a server
---@field response? lunawire.ClientResponse on a client
---@field tls? lunawire.Tls
---@field [any] any
local Connection = {}

---Sends a message. True; false when it is accepted and more than `high_water` waits (in a coroutine
---`send` waits instead); nil, message, code when it is not accepted.
---@param data string | string[] several strings make one message
---@param kind? lunawire.Kind default "text"
---@param options? lunawire.MessageOptions
---@return boolean? sent
---@return string? message
---@return string? code
function Connection:send(data, kind, options) end

---Begins a message that is sent in pieces. Until it is finished no other message can be sent.
---@param kind? lunawire.Kind default "text"
---@param options? lunawire.MessageOptions
---@return lunawire.Writer
function Connection:stream(kind, options) end

---@param payload? string at most 125 bytes
---@return boolean? sent
---@return string? message
---@return string? code
function Connection:ping(payload) end

---Begins the closing handshake.
---@param code? integer default 1000; 1000 to 1014 or 3000 to 4999
---@param reason? string at most 123 bytes
---@return boolean? closing
---@return string? message
---@return string? code
function Connection:close(code, reason) end

---Ends the connection at once.
function Connection:terminate() end

---Stops reading from the peer.
function Connection:pause() end

---Reads on.
function Connection:resume() end

---The next message, for connections without `on_message`. After "CLOSED" follow the close code and
---its reason.
---@param seconds? lunawire.Seconds the longest to wait; default: as long as it takes
---@return string? message
---@return lunawire.Kind | string kind or what went wrong
---@return string? code "TIMEOUT", "CLOSED"
---@return integer? close_code
---@return string? reason
function Connection:receive(seconds) end

---Iterates over messages and their kinds until the connection is closed.
---@return fun(): string?, lunawire.Kind?
function Connection:messages() end

---@class lunawire.Writer
local Writer = {}

---Sends a piece. Returns what `send` returns.
---@param chunk string
---@return boolean? sent
---@return string? message
---@return string? code
function Writer:write(chunk) end

---Ends the message. Returns what `send` returns; the writer cannot be used any more.
---@param chunk? string the last piece
---@return boolean? sent
---@return string? message
---@return string? code
function Writer:finish(chunk) end

---@alias lunawire.OnChunk
---| fun(conn: lunawire.Connection, chunk: string, kind: lunawire.Kind, final: boolean)

---@class lunawire.Handlers
---@field on_open? fun(conn: lunawire.Connection)
---@field on_message? fun(conn: lunawire.Connection, message: string, kind: lunawire.Kind)
---@field on_chunk? lunawire.OnChunk in place of on_message
---@field on_close? fun(conn: lunawire.Connection, code: integer, reason: string)
---@field on_error? fun(conn: lunawire.Connection, message: string, code: string)
---@field on_drain? fun(conn: lunawire.Connection)
---@field on_ping? fun(conn: lunawire.Connection, payload: string)
---@field on_pong? fun(conn: lunawire.Connection, payload: string)

---What is compressed how. Without takeover compression takes no memory of an idle connection; with
---it 2^(window_bits + 2) + 2^(memory_level + 9) bytes and what the peer's window takes.
---@class lunawire.Deflate
---@field level? integer 1 (fast) to 9 (small); default 1
---@field memory_level? integer 1 to 9; default 5
---@field window_bits? integer 9 to 15; default 15, with takeover 12
---@field max_window_bits_of_peer? integer 8 to 15; default 15, with takeover 12
---@field threshold? integer shorter messages are sent as they are; default 128 bytes
---@field takeover? boolean remember messages for the next ones; default false

---@class lunawire.MessageOptions
---@field compress? boolean false: send it as it is

---@class lunawire.Limits
---@field max_message? lunawire.Size the longest message to accept; default "1M"
---@field max_buffered? lunawire.Size output that may wait for a slow peer; default "16M"
---@field high_water? lunawire.Size above it `send` returns false; default "64K"
---@field on_slow? "close" | "drop" what to do above max_buffered; default "close"
---@field deflate? boolean | lunawire.Deflate compress messages (RFC 7692); default false
---@field close_timeout? lunawire.Seconds default 5
---@field idle_timeout? lunawire.Seconds 0: never; default 0
---@field ping_interval? lunawire.Seconds 0: never; default 20

-- Servers -----------------------------------------------------------------------------------------

---Decides about an upgrade before the connection opens; may wait. Returns true or what becomes
---`conn.data`, then { protocol =, headers = } if it chooses them; or nil, status (403), body and
---headers.
---@alias lunawire.OnUpgrade
---| fun(req: lunawire.Request): any, table | integer | nil, string?, table?

---@class lunawire.Route: lunawire.Handlers
---@field on_upgrade? lunawire.OnUpgrade
---@field protocols? string[] in place of the server's

---@alias lunawire.RouteHandler
---| lunawire.Route
---| fun(conn: lunawire.Connection)
---| fun(req: lunawire.Request, res: lunawire.Response)
---| lunawire.PlainRoute

---@class lunawire.Certificate
---@field cert string file in PEM, or the PEM itself; its authorities' certificates behind it
---@field key? string the same of the key; default: it is with the certificate

---@class lunawire.ServerTls
---@field cert? string for clients that ask for none of `sni`
---@field key? string
---@field sni? table<string, lunawire.Certificate> "a.example" or "*.a.example"
---@field ca? string who signs clients' certificates
---@field client_auth? "optional" | "required"
---@field ktls? boolean the kernel encrypts where it can; default true

---@class lunawire.ServeOptions: lunawire.Limits, lunawire.Route
---@field host? string numeric address; "*" for all; default "127.0.0.1"
---@field port? integer 0 for any free one
---@field path? string a unix socket instead
---@field tls? lunawire.ServerTls | "self-signed" encrypt; "self-signed" is for trying things out
---@field backlog? integer default 511
---@field reuse_port? boolean default false
---@field proxy_protocol? boolean connections begin with a PROXY protocol header; default false
---@field max_connections? integer default 100000
---@field max_topics? integer of one connection; default 1000
---@field handshake_timeout? lunawire.Seconds default 10
---@field max_body? lunawire.Size the longest body of a request; default "1M"
---@field keep_alive? lunawire.Seconds between plain requests; default 60
---@field body_timeout? lunawire.Seconds silence in a request's body; default 10
---@field write_timeout? lunawire.Seconds a client reads nothing of its answer; default 60
---@field origins? "*" | string[] pages that may connect; without it those of this server
---@field routes? table<string, lunawire.RouteHandler> "GET /page", "WS /room/:id", "GET /*rest"

---@class lunawire.Server
---@field port? integer 0 for a unix socket; nil after stop
---@field address? string nil after stop
---@field listening boolean
local Server = {}

---Stops listening and begins the closing handshake with every connection.
---@param code? integer default 1001
---@param reason? string at most 123 bytes
function Server:stop(code, reason) end

---@class lunawire.DrainOptions
---@field over? lunawire.Seconds the time in which all connections are closed; default 10
---@field code? integer default 1012
---@field reason? string at most 123 bytes

---Stops listening, and closes the connections one after the other.
---@param options? lunawire.DrainOptions
function Server:drain(options) end

---@return lunawire.Connection[] those that are open or closing
function Server:connections() end

---@return table<string, integer>
function Server:stats() end

---@class lunawire.ReloadOptions: lunawire.Handlers
---@field tls? lunawire.ServerTls | "self-signed"
---@field routes? table<string, lunawire.RouteHandler>
---@field on_upgrade? lunawire.OnUpgrade

---New handlers and certificates for new connections; the others keep theirs.
---@param options lunawire.ReloadOptions
---@return boolean? reloaded
---@return string? message
---@return string? code
function Server:reload(options) end

---Listens, with handlers for any path or with routes.
---@param options lunawire.ServeOptions
---@return lunawire.Server? server
---@return string? message
---@return string? code
function ws.serve(options) end

-- Clients -----------------------------------------------------------------------------------------

---@class lunawire.ClientResponse
---@field status integer
---@field reason string
---@field headers table<string, string> names in lower case

---@class lunawire.ClientTls
---@field ca? string whom to trust: a file in PEM, or the PEM; default: whom the system trusts
---@field cert? string our own certificate
---@field key? string
---@field verify? boolean default true
---@field ktls? boolean the kernel encrypts where it can; default true
---@field server_name? string whom the certificate must be for; default: the URL's host

---Give a user (with a password or without) or a bearer.
---@class lunawire.Auth
---@field user? string
---@field password? string
---@field bearer? string a token

---@class lunawire.ConnectOptions: lunawire.Limits, lunawire.Handlers
---@field reconnect? boolean | lunawire.Reconnect with handlers: connect again after each end
---@field on_reconnect? lunawire.OnReconnect before each next try
---@field timeout? lunawire.Seconds until the connection is open; default 10
---@field auth? lunawire.Auth who we are; in place of the user in the URL
---@field max_redirects? integer default 5; 0: a redirect is a refusal
---@field proxy? string | false "http://user:password@host:port", or https, socks5, socks5h;
---default: what the environment says
---@field local_address? string numeric address to connect from
---@field tls? lunawire.ClientTls for wss:// URLs
---@field headers? table<string, string | string[]>
---@field protocols? string[]

---Connects. With handlers it never waits: the connection is "connecting", and on_open or on_error
---follows. Without any it returns the connection when it is open; what a server
---answered that refused is the fourth value, and conn.response for on_error.
---@param url string "ws://host:port/path?query" or "ws+unix:///path.sock:/path?query"
---@param options? lunawire.ConnectOptions
---@return lunawire.Connection? conn
---@return string? message
---@return string? code
---@return lunawire.ClientResponse? response
function ws.connect(url, options) end

return ws
