// Chat: the first thing that one says is one's name.
import { connect } from "./socket.js";
import { logTo } from "./log.js";

const part = id => document.getElementById(id);
const list = part("chat-log"), text = part("chat-text"), show = logTo(list);
let name;

const socket = connect("chat", {
  card: part("chat"),
  open() { // what was said before comes again, too
    list.replaceChildren();
    if (name) socket.send(`name ${name}`);
  },
  message(data) {
    const said = JSON.parse(data);
    if (said.kind === "note") return show("note", said.text);
    show(said.name === name ? "own" : "said", said.text, { author: said.name });
  },
});

function comeIn(given) {
  name = given;
  text.placeholder = text.ariaLabel = "A message";
  text.maxLength = 500;
  part("chat-form").querySelector("button").textContent = "Say";
}

text.maxLength = 24;
part("chat-form").onsubmit = event => {
  event.preventDefault();
  const words = text.value.trim();
  if (!words || !socket.send(name ? `say ${words}` : `name ${words}`)) return;
  if (!name) comeIn(words);
  text.value = "";
  text.focus();
};
