// Counter: the server counts; anybody may begin anew.
import { connect } from "./socket.js";
import { count } from "./units.js";

const part = id => document.getElementById(id);

const socket = connect("counter", {
  card: part("counter"),
  message(text) { part("count").textContent = count(text); },
});

part("reset").onclick = () => socket.send("reset");
