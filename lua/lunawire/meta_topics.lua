---@meta lunawire
-- luacheck: ignore 212 241
-- Types for editors, as in meta.lua: topics. This file is never loaded.

---@class lunawire.PublishOptions: lunawire.MessageOptions
---@field key? string of several messages with one key, a subscriber that is slow gets the newest

---@class lunawire.Connection
local Connection = {}

---Gets what is published to a topic from now on. Raises on a client's connection.
---@param topic string any bytes, at most 255
---@return boolean? subscribed
---@return string? message
---@return string? code
function Connection:subscribe(topic) end

---@param topic string
---@return boolean had_subscribed
function Connection:unsubscribe(topic) end

---@return string[] what it has subscribed to, in no order
function Connection:topics() end

---Sends a message to all subscribers of a topic of this connection's server but itself.
---@param topic string
---@param data string | string[] several strings make one message
---@param kind? lunawire.Kind default "text"
---@param options? lunawire.PublishOptions
---@return integer? count how many took it
---@return string? message
---@return string? code
function Connection:publish(topic, data, kind, options) end

---@class lunawire.Server
local Server = {}

---Sends a message to all subscribers of a topic.
---@param topic string
---@param data string | string[] several strings make one message
---@param kind? lunawire.Kind default "text"
---@param options? lunawire.PublishOptions
---@return integer? count how many took it
---@return string? message
---@return string? code
function Server:publish(topic, data, kind, options) end

---@param topic string
---@return integer count how many connections have subscribed
function Server:subscribers(topic) end
