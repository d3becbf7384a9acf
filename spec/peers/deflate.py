"""Echo with permessage-deflate on Python's websockets, for spec/deflate_spec.lua.

    deflate.py client ws://127.0.0.1:port '[options, ...]'  a line for each, agreement or failure
    deflate.py server '[options, ...]'                      prints a port for each

The options are the arguments of its ClientPerMessageDeflateFactory or ServerPerMessageDeflateFactory.
"""
import asyncio
import json
import sys

import websockets
from websockets.extensions import permessage_deflate

TEXT = "some text, and some more of the text; " * 2000
SIZES = [0, 10, 300, 5000, 70000]


async def check(ws, message, wanted):
    await ws.send(message)
    if await ws.recv() != wanted:
        raise AssertionError(f"a wrong answer to {len(wanted)} bytes")


async def talk(url, options):
    extension = permessage_deflate.ClientPerMessageDeflateFactory(**options)
    async with websockets.connect(url, compression=None, extensions=[extension]) as ws:
        for number in range(2):
            for size in SIZES:
                await check(ws, TEXT[:size] + str(number), TEXT[:size] + str(number))
            await check(ws, "", "")
            await check(ws, [TEXT[:500], "", "end"], TEXT[:500] + "end")
    return ws.extensions


async def echo(ws):
    async for message in ws:
        await ws.send(message)


async def serve(options):
    extension = permessage_deflate.ServerPerMessageDeflateFactory(**options)
    server = await websockets.serve(echo, "127.0.0.1", 0, compression=None, extensions=[extension])
    print(server.sockets[0].getsockname()[1], flush=True)


async def main():
    if sys.argv[1] == "client":
        for options in json.loads(sys.argv[3]):
            try:
                print("ok", *await talk(sys.argv[2], options))
            except Exception as error:
                print("failed", json.dumps(options), repr(error))
    else:
        for options in json.loads(sys.argv[2]):
            await serve(options)
        await asyncio.Future()


asyncio.run(main())
