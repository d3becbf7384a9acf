"""A server on Python's websockets for differential_spec.lua. Prints its port; ends with a signal.

    collect.py file

For each connection that ended it writes a line to the file: its path, and each message as "text:" or
"binary:" and hexadecimal digits.
"""

import asyncio
import sys

import websockets

log = open(sys.argv[1], "a", buffering=1)


async def collect(ws):
    line = [ws.path]
    try:
        async for message in ws:
            text = isinstance(message, str)
            data = message.encode() if text else message
            line.append(("text:" if text else "binary:") + data.hex())
    except websockets.ConnectionClosed:
        pass
    log.write(" ".join(line) + "\n")


async def main():
    async with websockets.serve(collect, "127.0.0.1", 0, ping_interval=None) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()


asyncio.run(main())
