-- Chat rooms with a page to try them: http://localhost:9003/
-- lua examples/chat.lua [port]
local ws = require "lunawire"

local page = [[<!doctype html>
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Chat</title>
<style>body { font: 1rem system-ui; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }</style>
<form><input id="line" autocomplete="off" autofocus placeholder="say something"></form>
<div id="log"></div>
<script>
  const room = location.hash.slice(1) || "lobby";
  const socket = new WebSocket(`ws://${location.host}/room/${encodeURIComponent(room)}`);
  const show = text => {
    log.prepend(document.createElement("p"));
    log.firstChild.textContent = text;
  };
  socket.onmessage = event => show(event.data);
  socket.onclose = () => show("The connection is closed.");
  document.forms[0].onsubmit = event => {
    event.preventDefault();
    if (line.value) socket.send(line.value);
    line.value = "";
  };
</script>]]

local guests = 0

local server
server = assert(ws.serve {
  port = tonumber(arg[1] or 9003),
  routes = {
    ["GET /"] = function(_, res) res:header("Content-Type", "text/html"):send(page) end,
    ["WS /room/:room"] = {
      on_open = function(conn)
        guests = guests + 1
        conn.room, conn.name = conn.request.params.room, "Guest " .. guests
        assert(conn:subscribe(conn.room))
        server:publish(conn.room, conn.name .. " came in")
      end,
      on_message = function(conn, message)
        server:publish(conn.room, conn.name .. ": " .. message)
      end,
      on_close = function(conn) server:publish(conn.room, conn.name .. " went out") end,
    },
  },
})
print("listening on ws://127.0.0.1:" .. server.port)
io.stdout:flush()
ws.run()
