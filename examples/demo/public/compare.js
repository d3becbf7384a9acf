// Comparison: one feed by polling, long polling, server-sent events and WebSocket at the same time.
//
// The server counts requests and bytes of each, and tells them over a connection of its own, which
// also serves to learn how the server's clock runs: each price bears the time of its making.
import { connect, url } from "./socket.js";
import { bytes, count, milliseconds } from "./units.js";

const part = id => document.getElementById(id);
const card = part("compare"), button = part("compare-run");
const columns = ["requests", "bytes", "each", "delay"];
const KEPT = 1000; // delays that the median is of

// The table ---------------------------------------------------------------------------------------

const rows = {};
for (const row of card.querySelectorAll("tr[data-feed]")) {
  const cells = rows[row.dataset.feed] = {};
  columns.forEach((name, i) => {
    const cell = document.createElement("td"), figure = document.createElement("span");
    cell.dataset.label = card.querySelectorAll("thead th")[i + 1].textContent;
    figure.dataset.figure = name;
    figure.textContent = "–";
    const bar = Object.assign(document.createElement("span"), { className: "bar" });
    cell.append(figure, bar);
    row.append(cell);
    cells[name] = { figure, bar };
  });
}

const median = list => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const formats = { requests: count, bytes, each: bytes, delay: milliseconds };

function figuresOf({ took, prices, delays }) {
  const total = took.received + took.sent;
  return {
    requests: took.requests, bytes: total, each: prices ? total / prices : undefined,
    delay: delays.length ? Math.max(0, median(delays)) : undefined,
  };
}

function show(feeds) {
  const all = Object.entries(feeds).map(([name, feed]) => [name, figuresOf(feed)]);
  for (const column of columns) {
    const most = Math.max(...all.map(([, figures]) => figures[column] || 0));
    for (const [name, figures] of all) {
      const { figure, bar } = rows[name][column], value = figures[column];
      figure.dataset.value = value ?? "";
      figure.textContent = value === undefined ? "–" : formats[column](value);
      bar.style.setProperty("--part", most ? (value || 0) / most : 0);
    }
  }
}

// The clock ---------------------------------------------------------------------------------------

// Of several questions the one that was answered fastest tells best by how much the server's clock is
// ahead of ours: its answer was made halfway between.
function clock() {
  let ahead = 0, best = Infinity;
  return {
    learn({ asked, now }) {
      const here = performance.now(), took = here - asked;
      if (took >= best) return;
      best = took;
      ahead = now - (asked + here) / 2;
    },
    age: at => performance.now() + ahead - at,
  };
}

// The feeds: each is started with deliver(list of prices), and returns a function that ends it. --------

const query = (run, since) => `run=${run}&since=${since}`;
const newest = (list, since) => list.length ? list[list.length - 1].number : since;

async function ask(path, stop) {
  const answer = await fetch(path, { signal: stop.signal, cache: "no-store" });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

const feedsOf = {
  polling(run, since, deliver) {
    const stop = new AbortController();
    let busy = false;
    const timer = setInterval(async () => {
      if (busy) return;
      busy = true;
      try {
        const list = await ask(`ticks?${query(run, since)}`, stop);
        since = newest(list, since);
        deliver(list);
      } catch { /* it asks again in a second */ }
      busy = false;
    }, 1000);
    return () => { clearInterval(timer); stop.abort(); };
  },

  long(run, since, deliver) {
    const stop = new AbortController();
    (async () => {
      while (!stop.signal.aborted) {
        try {
          const list = await ask(`ticks/next?${query(run, since)}`, stop);
          since = newest(list, since);
          deliver(list);
        } catch {
          await new Promise(resolve => setTimeout(resolve, 1000));
        }
      }
    })();
    return () => stop.abort();
  },

  events(run, since, deliver) {
    const source = new EventSource(`ticks/events?${query(run, since)}`);
    source.onmessage = event => deliver([JSON.parse(event.data)]);
    return () => source.close();
  },

  socket(run, since, deliver) {
    const socket = new WebSocket(url(`ticks?${query(run, since)}`));
    socket.onmessage = event => deliver([JSON.parse(event.data)]);
    return () => socket.close();
  },
};

// Starting and stopping ---------------------------------------------------------------------------

function compare() {
  const time = clock(), feeds = {}, ends = [];
  const EXCHANGES = 10;
  let control, answers = 0;

  function end() {
    for (const one of ends.splice(0)) one();
  }

  function begin(run, since) {
    for (const name of Object.keys(feedsOf)) {
      const feed = feeds[name];
      ends.push(feedsOf[name](run, since, list => {
        feed.prices += list.length;
        for (const one of list) feed.delays.push(time.age(one.at));
        feed.delays.splice(0, feed.delays.length - KEPT);
        if (list.length) part("price").textContent = list[list.length - 1].bid.toFixed(2);
        show(feeds);
      }));
    }
  }

  let start; // of the run: the server numbers it, and tells the last price
  function heard(text) {
    const message = JSON.parse(text);
    if (message.feed) {
      feeds[message.feed].took = message;
      show(feeds);
    } else {
      if (message.run) start = message; else time.learn(message);
      if (answers++ < EXCHANGES) control.send(String(performance.now()));
      else begin(start.run, start.since);
    }
  }

  control = connect("compare", {
    card,
    open() { // also when it had to connect again: it is another run then
      end();
      answers = 0;
      for (const name of Object.keys(feedsOf)) {
        feeds[name] = { took: { requests: 0, received: 0, sent: 0 }, prices: 0, delays: [] };
      }
    },
    message: heard,
  });
  return () => { end(); control.close(); };
}

let stop;
button.onclick = () => {
  if (stop) stop();
  stop = stop ? undefined : compare();
  button.textContent = stop ? "Stop" : "Start";
};
