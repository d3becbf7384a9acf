"""Proxies for tunnel_spec.lua.

    proxy.py http|socks5 [user:password [certificate]]

Prints its port, and then one line for each request: what it was asked for, and who asked. It answers
byte by byte, as the slowest of proxies would. With a certificate (and its key in one file) clients
reach it over TLS.
"""

import asyncio
import base64
import ssl
import struct
import sys

KIND = sys.argv[1]
LOGIN = sys.argv[2] if len(sys.argv) > 2 else ""


async def say(writer, data):
    for byte in data:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0)


async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (ConnectionError, RuntimeError, OSError, NotImplementedError):
        writer.close()


async def http(reader, writer):
    """Reads a request; returns where to, or None when it was refused."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:] if line)
    word = fields.get("Proxy-Authorization", "Basic ").split(" ")[1]
    login = base64.b64decode(word).decode()
    method, authority, _ = lines[0].split(" ")
    print(method, authority, login or "-", fields.get("Host") == authority, flush=True)
    if login != LOGIN:
        await say(writer, b"HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\n\r\n")
        return None
    host, port = authority.rsplit(":", 1)
    return host.strip("[]"), int(port)


async def socks5(reader, writer):
    _, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    wanted = 2 if LOGIN else 0
    if wanted not in methods:
        print("none", "-", flush=True)
        await say(writer, b"\5\xff")
        return None
    await say(writer, bytes([5, wanted]))
    login = ""
    if wanted == 2:
        _, size = await reader.readexactly(2)
        user = await reader.readexactly(size)
        password = await reader.readexactly((await reader.readexactly(1))[0])
        login = (user + b":" + password).decode()
        await say(writer, bytes([1, login != LOGIN]))
    if login != LOGIN:
        print("none", login, flush=True)
        return None
    _, command, _, kind = await reader.readexactly(4)
    size = {1: 4, 4: 16}.get(kind) or (await reader.readexactly(1))[0]
    address = await reader.readexactly(size)
    port = struct.unpack(">H", await reader.readexactly(2))[0]
    host = address.decode() if kind == 3 else ".".join(map(str, address))
    if kind == 4:
        host = "::1" if address == bytes(15) + b"\1" else address.hex()
    print(["?", "CONNECT"][command], {1: "ipv4", 3: "name", 4: "ipv6"}[kind], host, port,
          login or "-", flush=True)
    return host, port


async def serve(reader, writer):
    try:
        target = await globals()[KIND](reader, writer)
        if target is None:
            writer.close()
            return
        try:
            far_reader, far_writer = await asyncio.open_connection(*target)
        except OSError:
            await say(writer, b"HTTP/1.1 502 Gone\r\n\r\n" if KIND == "http" else b"\5\5\0\1" + bytes(6))
            writer.close()
            return
        done = b"HTTP/1.1 200 OK\r\n\r\n" if KIND == "http" else b"\5\0\0\1" + bytes(6)
        await say(writer, done)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        far_writer.close()
        writer.close()
    except (ConnectionError, asyncio.IncompleteReadError):
        writer.close()


async def main():
    context = None
    if len(sys.argv) > 3:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3])
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
