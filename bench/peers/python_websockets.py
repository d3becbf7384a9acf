"""An echo server on python3-websockets: python_websockets.py PORT"""
import asyncio
import sys

import websockets


async def echo(connection, *_):
    async for message in connection:
        await connection.send(message)


async def main():
    async with websockets.serve(
        echo, "127.0.0.1", int(sys.argv[1]), max_size=2**30, compression=None, backlog=511
    ):
        await asyncio.Future()


asyncio.run(main())
