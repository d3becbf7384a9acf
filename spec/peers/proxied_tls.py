"""A proxy that passes TLS on: sends a PROXY header, then speaks TLS and asks for an upgrade.

Usage: proxied_tls.py <port> <header in hexadecimal> <seconds> <authority>. With 0 seconds the header
and the ClientHello leave in one segment, else after each other.
"""

import socket
import ssl
import sys
import time

port, header, seconds, authority = sys.argv[1:]
header = bytes.fromhex(header)
peer = socket.create_connection(("127.0.0.1", int(port)), 60)
peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
received, sending = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = ssl.create_default_context(cafile=authority).wrap_bio(
    received, sending, server_hostname="localhost")


def do(step, *arguments):
    """Takes the step of TLS, moving bytes until it is through."""
    while True:
        try:
            result = step(*arguments)
            peer.sendall(sending.read())
            return result
        except ssl.SSLWantReadError:
            peer.sendall(sending.read())
            received.write(peer.recv(65536))


if float(seconds) > 0:
    peer.sendall(header)
    time.sleep(float(seconds))
else:
    sending.write(header)
do(tls.do_handshake)
do(tls.write, b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
   b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
print(do(tls.read, 1000).decode("latin-1"))
