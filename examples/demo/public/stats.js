// Statistics of the server, once a second.
import { connect } from "./socket.js";
import { bytes, count, duration } from "./units.js";

const rows = [
  ["open", "WebSockets", count],
  ["connections", "Connections", count],
  ["accepted", "Accepted so far", count],
  ["messages_in", "Messages in", count],
  ["messages_out", "Messages out", count],
  ["bytes_in", "Payload in", bytes],
  ["bytes_out", "Payload out", bytes],
  ["memory_lua", "Lua's memory", bytes],
  ["memory", "All memory", bytes],
  ["uptime", "Up for", duration],
];

const figures = document.getElementById("figures"), shown = {};
for (const [name, title] of rows) {
  const row = document.createElement("div");
  row.append(Object.assign(document.createElement("dt"), { textContent: title }));
  row.append(shown[name] = Object.assign(document.createElement("dd"), { textContent: "–" }));
  shown[name].dataset.figure = name;
  figures.append(row);
}

connect("stats", {
  card: document.getElementById("stats"),
  message(text) {
    const stats = JSON.parse(text);
    for (const [name, , format] of rows) {
      if (name in stats) shown[name].textContent = format(stats[name]);
    }
  },
});
