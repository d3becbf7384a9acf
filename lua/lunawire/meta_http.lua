---@meta lunawire.http
-- luacheck: ignore 212 241
-- Types for editors: plain HTTP. This file is never loaded.

---@class lunawire.Request
---@field method string
---@field target string path and query as sent
---@field path string as sent, without the query
---@field head string all of it as sent, up to the empty line
---@field query_string? string as sent
---@field query table<string, string> decoded; of several with one name the last
---@field params table<string, string> the route's parameters, decoded
---@field headers table<string, string> names in lower case
---@field cookies table<string, string> of several with one name the first
---@field protocols string[] the subprotocols that the client offers
---@field version "1.0" | "1.1"
---@field remote_address? string
---@field body_error? { [1]: string, [2]: string } message and code, when `chunks` ended early
local Request = {}

---In `on_upgrade`, which may wait: the client has left before it was decided.
---@param fn fun(req: lunawire.Request, message: string, code: string)
---@return lunawire.Request self
function Request:on_close(fn) end

---The whole body of a plain request; waits. "" when there is none.
---@param limit? lunawire.Size in place of max_body
---@return string? body
---@return string? message
---@return string? code
function Request:body(limit) end

---Iterates over the body as it comes; waits.
---@param limit? lunawire.Size in place of max_body
---@return fun(): string?
function Request:chunks(limit) end

---Calls `fn(chunk, final)` for the body as it comes; `fn(nil, message, code)` if it ends early.
---@param fn fun(chunk: string?, final: boolean | string, code?: string)
---@param limit? lunawire.Size in place of max_body
---@return lunawire.Request self
function Request:on_body(fn, limit) end

---Reads a form, urlencoded or multipart; waits.
---@param options? lunawire.FormOptions
---@return lunawire.Form? form
---@return string? message
---@return string? code
function Request:form(options) end

---The answer to a plain HTTP request. It may be given after the handler returned.
---@class lunawire.Response
---@field sent boolean the head is on its way
---@field finished boolean
local Response = {}

---@param status integer 200 to 599
---@return lunawire.Response self
function Response:status(status) end

---@param name string
---@param value string | number
---@return lunawire.Response self
function Response:header(name, value) end

---Answers. Raises when the request was answered before.
---@param body? string
---@return boolean? sent
---@return string? message
---@return string? code
function Response:send(body) end

---Sends a piece of the body, and before it the head. Returns what `Connection:send` returns.
---@param chunk string
---@return boolean? sent
---@return string? message
---@return string? code
function Response:write(chunk) end

---Ends the answer.
---@param chunk? string the last piece
---@return boolean? finished
---@return string? message
---@return string? code
function Response:finish(chunk) end

---How many bytes of the answer were written so far, with its head and what frames its pieces.
---@return integer? bytes nil when the answer did not come to its end
function Response:bytes() end

---@param fn fun(res: lunawire.Response) what waited has been written
---@return lunawire.Response self
function Response:on_drain(fn) end

---@param fn fun(res: lunawire.Response, message: string, code: string) the client has gone
---@return lunawire.Response self
function Response:on_close(fn) end

---Begins a stream of server-sent events.
---@return lunawire.Events
function Response:events() end

---@class lunawire.Event
---@field data? string
---@field event? string its type
---@field id? string | number
---@field retry? lunawire.Seconds

---@class lunawire.Events
local Events = {}

---@param event string | lunawire.Event
---@return boolean? sent
---@return string? message
---@return string? code
function Events:send(event) end

---Sends a line that clients pass over.
---@param text? string
---@return boolean? sent
---@return string? message
---@return string? code
function Events:comment(text) end

---Ends the stream.
function Events:close() end

---@class lunawire.PlainRoute
---@field handler fun(req: lunawire.Request, res: lunawire.Response)
---@field max_body? lunawire.Size
