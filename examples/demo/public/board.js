// Board: strokes go to all others, and those of all others come here.
//
// A stroke is "x1 y1 cx cy x2 y2 #rrggbb", a quadratic curve on a board of 1000 by 600.
import { connect } from "./socket.js";

const part = id => document.getElementById(id);
const canvas = part("canvas"), pen = canvas.getContext("2d");
const colours = ["#3d4fd1", "#1d9a5b", "#e0a100", "#d9482b", "#b13fb8", "#7a8094"];
let colour = colours[Math.floor(Math.random() * colours.length)];

function draw(stroke) {
  const [x1, y1, cx, cy, x2, y2, paint] = stroke.split(" ");
  pen.strokeStyle = paint;
  pen.lineWidth = 6;
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.quadraticCurveTo(cx, cy, x2, y2);
  pen.lineTo(Number(x2) + 0.1, y2); // a dot, too, is to be seen
  pen.stroke();
}

const wipe = () => pen.clearRect(0, 0, canvas.width, canvas.height);

let isNew; // the first message has all that was drawn before
const socket = connect("board", {
  card: part("board"),
  open() { isNew = true; },
  message(text) {
    if (isNew || text === "clear") wipe();
    isNew = false;
    if (text && text !== "clear") text.split("\n").forEach(draw);
  },
});

part("clear").onclick = () => socket.send("clear");

// Drawing: each move adds a curve from the middle of the last two points to that of the next two, by
// way of the point between, which makes lines of any speed smooth.
let last, middle;

function pointOf(event) {
  const box = canvas.getBoundingClientRect();
  const within = (value, size) => Math.max(0, Math.min(size, value * size)).toFixed(1);
  return [within((event.clientX - box.left) / box.width, canvas.width),
    within((event.clientY - box.top) / box.height, canvas.height)];
}

function add(point) {
  const next = [0, 1].map(i => ((+last[i] + +point[i]) / 2).toFixed(1));
  const stroke = [...middle, ...last, ...next, colour].join(" ");
  if (socket.send(stroke)) draw(stroke);
  last = point;
  middle = next;
}

canvas.onpointerdown = event => {
  canvas.setPointerCapture(event.pointerId);
  last = middle = pointOf(event);
  add(last); // a dot
};
canvas.onpointermove = event => {
  if (!last) return;
  for (const one of event.getCoalescedEvents?.() ?? [event]) add(pointOf(one));
};
canvas.onpointerup = canvas.onpointercancel = event => {
  if (last) add(pointOf(event)); // the last half of the last curve
  last = undefined;
};

for (const one of colours) {
  const button = Object.assign(document.createElement("button"), {
    type: "button", ariaLabel: one, ariaPressed: one === colour,
    onclick() {
      colour = one;
      for (const other of part("colours").children) other.ariaPressed = other === button;
    },
  });
  button.style.background = one;
  part("colours").append(button);
}
