"""A TLS peer that breaks off, for tls_ends_spec.lua.

tls_cut.py client PORT CA ACT           connects whole, and then for each of many AT at a time
tls_cut.py server CERT KEY ACT AT...    listens, prints its port, serves one connection for each AT

A peer does a whole handshake, and a client asks for a WebSocket, but only the first AT bytes leave.
Then it acts: "reset", "end" (of its direction), "silent" or "drip" (the rest, a byte at a time, and
never the last one). The client prints a line for each AT and how it ended: "eof", "reset", or
"timeout" after 60 s.
"""
import select
import socket
import ssl
import struct
import sys
import threading
import time

REQUEST = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
PATIENCE = 60
DRIP = 0.02


class Peer:
    def __init__(self, sock, context, is_server, act, at):
        self.sock, self.act, self.left, self.sent, self.kept = sock, act, at, 0, b""
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if is_server else "localhost"
        self.tls = context.wrap_bio(self.into, self.out, is_server, name)
        self.is_server, self.is_ready = is_server, False

    def speak(self):
        """As far as the TLS machine goes with what it has."""
        try:
            if not self.is_ready:
                self.tls.do_handshake()
                self.is_ready = True
                if not self.is_server:
                    self.tls.write(REQUEST)
            while self.tls.read(65536):
                pass
        except ssl.SSLError:
            pass  # it wants more, or was broken off

    def let_out(self):
        """Sends what may leave. True when all of that has left, and there is more."""
        self.kept += self.out.read()
        size = min(self.left, len(self.kept))
        self.sock.sendall(self.kept[:size])
        self.kept, self.left, self.sent = self.kept[size:], self.left - size, self.sent + size
        return self.left == 0

    def run(self):
        deadline = time.monotonic() + PATIENCE
        self.sock.settimeout(0.2)
        while time.monotonic() < deadline:
            self.speak()
            if self.let_out():
                return self.end(deadline)
            if not select.select([self.sock], [], [], 0.3)[0]:
                if self.is_ready:  # all that there is has been said
                    return self.end(deadline)
                continue
            data = self.sock.recv(65536)
            if not data:
                return "eof"
            self.into.write(data)
        return "timeout"

    def end(self, deadline):
        if self.act == "reset":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.sock.close()
            return "reset"
        if self.act == "whole":
            return "timeout"
        if self.act == "end":
            self.sock.shutdown(socket.SHUT_WR)
        while time.monotonic() < deadline:
            if self.act == "drip" and len(self.kept) > 1:
                self.sock.sendall(self.kept[:1])
                self.kept = self.kept[1:]
            if select.select([self.sock], [], [], DRIP)[0] and not self.sock.recv(65536):
                return "eof"
        return "timeout"


def outcome(peer):
    try:
        return peer.run()
    except OSError:
        return "reset"


def all_of(function, cases):
    threads = []
    for case in cases:
        threads.append(threading.Thread(target=function, args=(case,)))
        threads[-1].start()
    for thread in threads:
        thread.join()


def client(port, ca, act):
    context = ssl.create_default_context(cafile=ca)

    def connect(act, at):
        sock = socket.create_connection(("127.0.0.1", int(port)))
        peer = Peer(sock, context, False, act, at)
        how = outcome(peer)
        sock.close()
        return peer.sent, how

    total, _ = connect("whole", 1 << 20)

    def report(at):  # in one piece: print() would let the lines of two threads mix
        sys.stdout.write(f"{at} {connect(act, at)[1]}\n")

    all_of(report, [0, 1, 4, 5, 6, 50, *range(100, total, 60), total - 1])


def server(cert, key, act, *stages):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)

    def serve(accepted):
        sock, at = accepted
        outcome(Peer(sock, context, True, act, at))
        sock.close()

    all_of(serve, ((listener.accept()[0], int(at)) for at in stages))


{"client": client, "server": server}[sys.argv[1]](*sys.argv[2:])
