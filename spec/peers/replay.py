"""A peer for differential_spec.lua: sends sequences of bytes, and tells what came back.

    replay.py file results port    to the server at that port
    replay.py file results         to clients, which ask for /number; prints its own port

Each line of the file is number, size of the pieces, 1 to agree on compression or 0, bytes in
hexadecimal. Each line of the results is number, how it ended, bytes in hexadecimal. It ended by
"server" when that ended TCP after the close frame, "client" when the client did so or the server did
not in time, "reset", "cut" when the end came without a close frame, or "hang" when nothing came.
"""

import asyncio
import base64
import hashlib
import sys

TIME = 3  # seconds that the server may take for each step
CROWD = 16  # sequences at one time

REQUEST = (
    "GET /{} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n"
)
ANSWER = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: {}\r\n{}\r\n"
)
DEFLATE = (
    "Sec-WebSocket-Extensions: permessage-deflate; "
    "client_no_context_takeover; server_no_context_takeover\r\n"
)

results = open(sys.argv[2], "a", buffering=1)


def has_close(data):
    at = 0
    while len(data) >= at + 2:
        length, head = data[at + 1] & 127, 2
        mask = data[at + 1] >> 7 << 2
        if data[at] & 15 == 8:
            return len(data) >= at + head + mask + length
        if length > 125:
            head = 4 if length == 126 else 10
            length = int.from_bytes(data[at + 2:at + head], "big")
        at += head + mask + length
    return False


async def send(writer, data, size):
    try:
        for at in range(0, len(data), size):
            writer.write(data[at:at + size])
            await writer.drain()
            await asyncio.sleep(0)
    except (ConnectionError, RuntimeError):
        pass  # it ended, which the reader tells


async def receive(reader, data, writer=None):
    """Reads until the end and returns how that was. With a writer it is the server's to end TCP."""
    ended = False
    while True:
        try:
            part = await asyncio.wait_for(reader.read(65536), TIME)
        except asyncio.TimeoutError:
            return "client" if has_close(data) else "hang"
        except ConnectionError:
            return "reset"
        if not part:
            if writer and not ended:
                return "client" if has_close(data) else "cut"
            return "server" if has_close(data) else "cut"
        data += part
        if writer and not ended and has_close(data):
            await asyncio.sleep(0)
            if reader.at_eof():
                return "client"
            writer.write_eof()
            ended = True


async def replay(port, number, size, deflate, wire):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST.format(number, DEFLATE if deflate == "1" else "").encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIME)
    assert head.startswith(b"HTTP/1.1 101 "), head
    assert (b"permessage-deflate" in head) == (deflate == "1"), head
    data = bytearray()
    sending = asyncio.create_task(send(writer, bytes.fromhex(wire), int(size)))
    ending = await receive(reader, data)
    sending.cancel()
    writer.transport.abort() if ending != "server" else writer.close()
    results.write(f"{number} {ending} {data.hex()}\n")


async def replay_to_server(port, sequences):
    room = asyncio.Semaphore(CROWD)

    async def one(words):
        async with room:
            await replay(port, *words)

    await asyncio.gather(*map(one, sequences))


async def replay_to_clients(sequences):
    by_number = {words[0]: words for words in sequences}

    async def one(reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        number, size, deflate, wire = by_number[head.split(b" ")[1][1:].decode()]
        key = head.split(b"\r\nSec-WebSocket-Key: ")[1].split(b"\r\n")[0]
        accept = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()
        accept = base64.b64encode(accept).decode()
        writer.write(ANSWER.format(accept, DEFLATE if deflate == "1" else "").encode())
        data = bytearray()
        sending = asyncio.create_task(send(writer, bytes.fromhex(wire), int(size)))
        ending = await receive(reader, data, writer)
        sending.cancel()
        writer.close()
        results.write(f"{number} {ending} {data.hex()}\n")

    async with await asyncio.start_server(one, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


with open(sys.argv[1]) as lines:
    lines = [line.split(" ") for line in lines.read().splitlines()]
if len(sys.argv) > 3:
    asyncio.run(replay_to_server(int(sys.argv[3]), lines))
else:
    asyncio.run(replay_to_clients(lines))
