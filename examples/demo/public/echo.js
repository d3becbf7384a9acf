// Echo: what is sent comes back, with the time it took.
import { connect } from "./socket.js";
import { logTo } from "./log.js";

const part = id => document.getElementById(id);
const message = part("message"), show = logTo(part("log"));
const waiting = []; // the server answers in order: what to do with each answer that is to come

// A function that tells how long ago it was made.
function stopwatch() {
  const start = performance.now();
  return () => `${(performance.now() - start).toFixed(1)} ms`;
}

function enable(enabled) {
  part("send").disabled = part("burst").disabled = !enabled;
}

const socket = connect("echo", {
  card: part("echo"),
  open: () => enable(true),
  message: text => waiting.shift()(text),
  close(event) {
    if (!part("send").disabled) show("note", `closed (${event.code})`);
    enable(false);
    waiting.length = 0;
  },
});

part("form").onsubmit = event => {
  event.preventDefault();
  const text = message.value, time = stopwatch();
  if (!text || !socket.send(text)) return;
  waiting.push(answer => show("received", answer, { note: time() }));
  show("sent", text);
  message.value = "";
  message.focus();
};

part("burst").onclick = () => {
  const count = 1000, time = stopwatch();
  for (let i = 1; i <= count; i++) {
    const last = () => show("note", `${count} messages came back in ${time()}`);
    waiting.push(i < count ? () => {} : last);
    socket.send(`message ${i}`);
  }
};
