"""A client for differential_spec.lua: sends sequences of bytes to a server, and tells what came back.

    replay.py port file

Each line of the file is number, size of the pieces, 1 to offer compression or 0, bytes in hexadecimal.
Each line of stdout is number, how it ended, bytes in hexadecimal. It ended by "server" when that ended
TCP after its close frame, "client" when it did not do so in time, "reset", "cut" when the end came
without a close frame, or "hang" when nothing came.
"""

import asyncio
import sys

TIME = 3  # seconds that the server may take for each step
CROWD = 16  # sequences at one time

REQUEST = (
    "GET /{} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n"
)
OFFER = (
    "Sec-WebSocket-Extensions: permessage-deflate; "
    "client_no_context_takeover; server_no_context_takeover\r\n"
)


def has_close(data):
    at = 0
    while len(data) >= at + 2:
        if data[at] & 15 == 8:
            return len(data) >= at + 2 + data[at + 1]
        length, head = data[at + 1] & 127, 2
        if length > 125:
            head = 4 if length == 126 else 10
            length = int.from_bytes(data[at + 2:at + head], "big")
        at += head + length
    return False


async def send(writer, data, size):
    try:
        for at in range(0, len(data), size):
            writer.write(data[at:at + size])
            await writer.drain()
            await asyncio.sleep(0)
    except ConnectionError:
        pass  # the reader will tell


async def receive(reader, data):
    """Reads until the end and returns how that was."""
    while True:
        try:
            part = await asyncio.wait_for(reader.read(65536), TIME)
        except asyncio.TimeoutError:
            return "client" if has_close(data) else "hang"
        except ConnectionError:
            return "reset"
        if not part:
            return "server" if has_close(data) else "cut"
        data += part


async def replay(port, number, size, offer, wire):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST.format(number, OFFER if offer == "1" else "").encode())
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), TIME)
    assert head.startswith(b"HTTP/1.1 101 "), head
    assert (b"permessage-deflate" in head) == (offer == "1"), head
    data = bytearray()
    sending = asyncio.create_task(send(writer, bytes.fromhex(wire), int(size)))
    ending = await receive(reader, data)
    sending.cancel()
    writer.transport.abort() if ending != "server" else writer.close()
    print(number, ending, data.hex(), flush=True)


async def main():
    port, path = int(sys.argv[1]), sys.argv[2]
    room = asyncio.Semaphore(CROWD)

    async def one(words):
        async with room:
            await replay(port, *words)

    with open(path) as lines:
        await asyncio.gather(*(one(line.split(" ")) for line in lines.read().splitlines()))


asyncio.run(main())
