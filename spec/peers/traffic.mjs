// What a tab's comparison takes on the wire, as the browser's own protocol (CDP) tells it: to hold it
// against what the server counted and the page shows.

const feedOf = url => ({
  "/ticks": url.protocol.startsWith("ws") ? "socket" : "polling",
  "/ticks/next": "long",
  "/ticks/events": "events",
})[url.pathname];

const sum = list => list.reduce((a, b) => a + b, 0);

// The size of a request's head with these fields.
const headSize = (url, fields) =>
  `GET ${url.pathname}${url.search} HTTP/1.1\r\n\r\n`.length
  + sum(Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`.length));

// Of a piece of an answer.
const chunkSize = size => size.toString(16).length + "\r\n".length + size + "\r\n".length;

// Of a server's frame.
const frameSize = payload => payload.length + (payload.length < 126 ? 2 : 4);

export class Traffic {
  requests = new Map(); // by CDP's id: { feed, url, fields, received, messages }
  changed = () => {};

  static async of(tab) {
    const traffic = new Traffic(), session = await tab.context().newCDPSession(tab);
    for (const [event, handle] of Object.entries(traffic.handlers())) {
      session.on(`Network.${event}`, given => {
        handle(given, traffic.requests.get(given.requestId));
        traffic.changed();
      });
    }
    tab.on("websocket", socket => socket.on("framereceived", () => traffic.changed()));
    await session.send("Network.enable");
    return traffic;
  }

  add(id, address) {
    const url = new URL(address), feed = feedOf(url);
    const request = this.requests.get(id) ?? { fields: {}, received: 0, messages: 0 };
    this.requests.set(id, Object.assign(request, { url, feed }));
  }

  handlers() {
    return {
      requestWillBeSent: ({ requestId, request }) => this.add(requestId, request.url),
      requestWillBeSentExtraInfo: ({ requestId, headers }, request) => { // comes first or last
        if (!request) this.requests.set(requestId, request = { received: 0, messages: 0 });
        request.fields = headers;
      },
      responseReceived: ({ response }, request) => {
        if (request) request.received = response.encodedDataLength;
      },
      // Of events; how much their chunks took is told too late. What ends is counted at its end.
      dataReceived: ({ dataLength }, request) => {
        if (request && dataLength > 0) request.received += chunkSize(dataLength);
      },
      loadingFinished: ({ encodedDataLength }, request) => {
        if (request) request.received = encodedDataLength;
      },
      webSocketCreated: ({ requestId, url }) => this.add(requestId, url),
      webSocketWillSendHandshakeRequest: ({ request: { headers } }, request) => {
        request.fields = headers;
      },
      webSocketHandshakeResponseReceived: ({ response }, request) => {
        request.received += response.headersText.length;
      },
      webSocketFrameReceived: ({ response }, request) => {
        request.received += frameSize(response.payloadData);
        request.messages++;
      },
    };
  }

  // By feed: { requests, bytes, messages }.
  counts() {
    const counts = {};
    for (const name of ["polling", "long", "events", "socket"]) {
      const all = [...this.requests.values()].filter(one => one.feed === name);
      counts[name] = {
        requests: all.length,
        bytes: sum(all.map(one => headSize(one.url, one.fields) + one.received)),
        messages: sum(all.map(one => one.messages)),
      };
    }
    return counts;
  }

  // Asks again whenever something has come, until `ask` answers with something true.
  async until(ask) {
    for (;;) {
      const next = new Promise(resolve => { this.changed = resolve; });
      const answer = await ask();
      if (answer) return answer;
      await next;
    }
  }
}
