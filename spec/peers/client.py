"""The client of scenarios.lua on Python's websockets: client.py ws://127.0.0.1:port [scenario...]"""
import asyncio
import socket
import struct
import sys
import traceback

import websockets

BASE = sys.argv[1]
SIZES = [0, 1, 125, 126, 65535, 65536, 1 << 20]
MULTIBYTE = "a\u00e9\u20ac\U0001f600" * 5000
ids = 0


def equal(got, wanted):
    assert got == wanted, f"{got!r:.200} instead of {wanted!r:.200}"


def connect(path, **options):
    return websockets.connect(BASE + path, **options)


def new_id(name):
    global ids
    ids += 1
    return f"{name}-{ids}"


def how_ended(ws):
    return f"{ws.close_code} {ws.close_reason}"


async def end_of(peer_id):
    async with connect(f"/ended?id={peer_id}") as ws:
        return await ws.recv()


async def text():
    async with connect("/echo") as ws:
        for size in SIZES:
            await ws.send("x" * size)
            equal(await ws.recv(), "x" * size)
    equal(how_ended(ws), "1000 ")


async def binary():
    async with connect("/echo") as ws:
        for size in SIZES:
            data = (b"\0\x01\xfe\xff" * (size // 4 + 1))[:size]
            await ws.send(data)
            equal(await ws.recv(), data)


async def utf8():
    async with connect("/echo") as ws:
        await ws.send(MULTIBYTE)
        equal(await ws.recv(), MULTIBYTE)


async def fragments_sent():
    async with connect("/echo") as ws:
        await ws.send([MULTIBYTE[i:i + 997] for i in range(0, len(MULTIBYTE), 997)])
        equal(await ws.recv(), MULTIBYTE)
        await ws.send([b"", b"\xff", b""])
        equal(await ws.recv(), b"\xff")


async def fragments_received():
    async with connect("/fragments") as ws:
        for message in ["", "abc", MULTIBYTE, b"\xff" * 70000]:
            await ws.send(message)
            equal(await ws.recv(), message)


async def ping_sent():
    async with connect("/echo") as ws:
        for payload in ["from the client", b"\xff" * 125]:
            await (await ws.ping(payload))


async def ping_received():
    async with connect("/ping") as ws:
        equal(await ws.recv(), "pong from the server")


async def closing():
    for given, seen in [
        ((1000, "bye"), "1000 bye"),
        ((4999, "é" * 61), "4999 " + "é" * 61),
    ]:
        peer_id = new_id("close")
        ws = await connect(f"/echo?id={peer_id}")
        await ws.close(*given)
        equal(ws.close_code, given[0])
        equal(await end_of(peer_id), seen)


async def being_closed():
    for end in ["1000 ", "1013 come later", "3000 " + "é" * 61]:
        ws = await connect("/close")
        await ws.send(end)
        await ws.wait_closed()
        equal(how_ended(ws), end)


async def subprotocol():
    for offered, chosen in [(["v1", "v2"], "v2"), (["v1"], "v1")]:
        async with connect("/protocols", subprotocols=offered) as ws:
            equal(ws.subprotocol, chosen)
            equal(await ws.recv(), chosen)


async def headers():
    async with connect("/headers", extra_headers={"X-Ask": "a value, with comma"}) as ws:
        equal(ws.response_headers["X-Reply"], "a value, with comma")
        equal(await ws.recv(), "a value, with comma")


async def refusal():
    try:
        await connect("/refused")
    except websockets.InvalidStatusCode as error:
        equal(error.status_code, 401)
    else:
        raise AssertionError("it was accepted")


async def hundred_connections():
    hundred = [str(i) for i in range(100)]
    peers = await asyncio.gather(*(connect("/echo") for _ in hundred))
    await asyncio.gather(*(ws.send(name) for ws, name in zip(peers, hundred)))
    equal(await asyncio.gather(*(ws.recv() for ws in peers)), hundred)
    await asyncio.gather(*(ws.close() for ws in peers))


async def thousand_messages():
    async with connect("/echo", max_queue=None) as ws:
        for i in range(1000):
            await ws.send(f"message {i}")
        for i in range(1000):
            equal(await ws.recv(), f"message {i}")


async def vanishing():
    for reset in [True, False]:
        peer_id = new_id("vanish")
        ws = await connect(f"/echo?id={peer_id}")
        if reset:
            tcp = ws.transport.get_extra_info("socket")
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        ws.transport.abort()
        equal((await end_of(peer_id)).split(" ")[0], "1006")


async def being_left():
    for path in ["/terminate", "/vanish"]:
        ws = await connect(path)
        await ws.send("x")
        await ws.wait_closed()
        equal(ws.close_code, 1006)


SCENARIOS = [
    text, binary, utf8, fragments_sent, fragments_received, ping_sent, ping_received, closing,
    being_closed, subprotocol, headers, refusal, hundred_connections, thousand_messages, vanishing,
    being_left,
]


async def main():
    for scenario in SCENARIOS:
        name = scenario.__name__.replace("_", " ")
        if len(sys.argv) > 2 and name not in sys.argv[2:]:
            continue
        try:
            await asyncio.wait_for(scenario(), 60)
            print("ok", name, flush=True)
        except BaseException:
            print("failed", name + ":", traceback.format_exc().replace("\n", "\t"), flush=True)


asyncio.run(main())
