---@meta lunawire.files
-- luacheck: ignore 212 241
-- Types for editors: files and forms. This file is never loaded.

---What `ws.files` returns: the value of a "GET" route, and a function for handlers.
---@alias lunawire.Files fun(req: lunawire.Request, res: lunawire.Response, path: string)

---@class lunawire.FilesOptions
---@field index? string "index.html"
---@field types? table<string, string> media types by extension
---@field cache_control? string the header field Cache-Control
---@field headers? table<string, string | string[]>
---@field gzip? boolean true: send name.gz to those who take it
---@field hidden? boolean false: names that begin with a dot
---@field listing? boolean false: pages that list directories
---@field cache? lunawire.Size "8M": memory for small files

---@class lunawire.FormOptions
---@field max_fields? integer 256: values and files in all
---@field max_field? lunawire.Size "64K": the longest value
---@field max_file? lunawire.Size "16M": the longest file
---@field max_total? lunawire.Size "32M": the whole body
---@field directory? string for temporary files
---@field on_file? fun(part: lunawire.Part): fun(chunk: string, final: boolean)?

---@class lunawire.Part
---@field field string the name of the form's field
---@field name string the last part of the name that the client gave
---@field type? string the media type that the client gave

---What a form sent: `form.name` is the last value of a name.
---@class lunawire.Form
---@field [string] string?
local Form = {}

---@param name string
---@return string[] values in the order in which they came
function Form:all(name) end

---@return string[] names of the values, sorted
function Form:names() end

---@param name string
---@return lunawire.File? file the last one of that name
function Form:file(name) end

---@param name? string
---@return lunawire.File[] files all, or those of that name
function Form:files(name) end

---A file of a form. It is removed when the request is over, unless it was moved.
---@class lunawire.File
---@field field string the name of the form's field
---@field name string the last part of the name that the client gave
---@field type? string the media type that the client gave
---@field size integer
---@field path string where it is
local File = {}

---Moves it to another path, where it stays; waits.
---@param path string
---@return boolean? moved
---@return string? message
---@return string? code
function File:move(path) end
