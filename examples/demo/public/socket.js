// A WebSocket that connects again by itself, and shows in its card how it is.

export function url(path) {
  const address = new URL(path, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return address.href;
}

// The state of the page is that of its worst card.
function showState(card, state) {
  card.dataset.state = state;
  const all = [...document.querySelectorAll("section[data-state]:not(#compare)")];
  const worst = ["closed", "connecting", "open"].find(
    name => all.some(one => one.dataset.state === name));
  const shown = document.getElementById("state");
  shown.dataset.state = shown.textContent = worst || "open";
}

// connect("chat", { card, open(), message(text), close(event) }): all three are optional. Returns an
// object with send(text), which is false while there is no connection, and close(), for good.
export function connect(path, { card, open, message, close }) {
  let socket, timer, pause = 500, over = false;

  function begin() {
    showState(card, "connecting");
    socket = new WebSocket(url(path));
    socket.onopen = () => {
      pause = 500;
      showState(card, "open");
      open?.();
    };
    socket.onmessage = event => message?.(event.data);
    socket.onclose = event => {
      showState(card, "closed");
      close?.(event);
      if (over) return;
      timer = setTimeout(begin, pause * (0.5 + Math.random())); // not all tabs at one moment
      pause = Math.min(pause * 2, 8000);
    };
  }

  begin();
  return {
    send(text) {
      if (socket.readyState !== WebSocket.OPEN) return false;
      socket.send(text);
      return true;
    },
    close() {
      over = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}
