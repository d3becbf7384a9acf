"""The server of scenarios.lua on Python's websockets. Prints its port; ends with a signal. With TLS
when TLS_CERT and TLS_KEY name its files."""
import asyncio
import http
import os
import socket
import ssl
import struct
from urllib.parse import parse_qs, urlsplit

import websockets

ended = {}  # id: a future of what /ended answers


def end_of(peer_id):
    return ended.setdefault(peer_id, asyncio.get_running_loop().create_future())


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def fragments(ws):
    async for message in ws:
        third = len(message) // 3
        await ws.send([message[:third], message[:0], message[third:]])


async def ping(ws):
    pong = await ws.ping("from the server")
    await pong
    await ws.send("pong from the server")
    await ws.wait_closed()


async def close(ws):
    code, _, reason = (await ws.recv()).partition(" ")
    await ws.close(int(code), reason)


async def terminate(ws):
    await ws.recv()
    tcp = ws.transport.get_extra_info("socket")
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    ws.transport.abort()


async def vanish(ws):
    await ws.recv()
    ws.transport.abort()


async def headers(ws):
    await ws.send(ws.request_headers["X-Ask"])
    await ws.wait_closed()


async def protocols(ws):
    await ws.send(ws.subprotocol)
    await ws.wait_closed()


async def tell_end(ws):
    query = parse_qs(urlsplit(ws.path).query)
    await ws.send(await end_of(query["id"][0]))
    await ws.wait_closed()


paths = {
    "/echo": echo, "/fragments": fragments, "/ping": ping, "/close": close,
    "/terminate": terminate, "/vanish": vanish, "/headers": headers, "/protocols": protocols,
    "/ended": tell_end,
}


async def serve_one(ws):
    url = urlsplit(ws.path)
    try:
        await paths[url.path](ws)
    except websockets.ConnectionClosed:
        pass
    await ws.wait_closed()
    for peer_id in parse_qs(url.query).get("id", []):
        if url.path != "/ended":
            end_of(peer_id).set_result(f"{ws.close_code} {ws.close_reason}")


async def refuse(path, _):
    if urlsplit(path).path not in paths:
        return http.HTTPStatus.UNAUTHORIZED, [], b"log in first"


def reply(_, request):
    return {"X-Reply": request["X-Ask"]} if "X-Ask" in request else {}


class Server(websockets.WebSocketServerProtocol):
    def select_subprotocol(self, offered, available):
        return next((ours for ours in available or [] if ours in offered), None)


def tls():
    if "TLS_CERT" not in os.environ:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(os.environ["TLS_CERT"], os.environ["TLS_KEY"])
    return context


async def main():
    async with websockets.serve(
        serve_one, "127.0.0.1", 0, create_protocol=Server, process_request=refuse,
        extra_headers=reply, subprotocols=["v2", "v1"], ssl=tls(),
    ) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
