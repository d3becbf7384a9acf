---@meta lunawire
-- luacheck: ignore 212 241
-- Types for editors, as in meta.lua: staying connected. This file is never loaded.

---@class lunawire
local ws = {}

---@alias lunawire.Retry
---| fun(message: string, code: string, r?: lunawire.ClientResponse, close_code?: integer): boolean?

---@alias lunawire.OnReconnect
---| fun(attempt: integer, delay: lunawire.Seconds, message: string, code: string)

---@class lunawire.Reconnect
---@field min? lunawire.Seconds the shortest pause; default 0.5
---@field max? lunawire.Seconds the longest; default 30
---@field stable? lunawire.Seconds open for so long, the pauses are short again; default 10
---@field attempts? integer how many in a row; default: no limit
---@field max_retry_after? lunawire.Seconds what a server may ask for; default 3600
---@field retry? lunawire.Retry true: try again; false: give up; nil: as lunawire thinks
---@field always? boolean nothing is beyond mending; default false

---What ws.connect returns with the option reconnect: it outlives its connections.
---@class lunawire.Link
---@field state "connecting" | "open" | "waiting" | "closing" | "closed"
---@field conn? lunawire.Connection the one that is open
---@field attempt integer how many tries followed an end in a row
local Link = {}

---As Connection.send of the one that is open; nil, message, "CLOSED" while there is none.
---@param data string | string[]
---@param kind? lunawire.Kind
---@param options? lunawire.MessageOptions
---@return boolean? sent
---@return string? message
---@return string? code
function Link:send(data, kind, options) end

---Ends it for good, in any state.
---@param code? integer default 1000
---@param reason? string
---@return boolean closed
function Link:close(code, reason) end

---An iterator over open connections.
---@class lunawire.Connections
---@field error? string why it gave up
---@field code? string
---@field response? lunawire.ClientResponse of a server that refused
---@overload fun(): lunawire.Connection?
local Connections = {}

---Ends the loop: closes the connection that it has, and calls off what it waits for.
---@param code? integer default 1000
---@param reason? string
---@return boolean closed
function Connections:close(code, reason) end

---One open connection after another, with a pause in between as with the option reconnect:
---`for conn in ws.connections(url) do ... end`. Of the handlers only on_reconnect and on_error are
---taken; the latter is called once, when it gives up.
---@param url string
---@param options? lunawire.ConnectOptions
---@return lunawire.Connections
function ws.connections(url, options) end

return ws
