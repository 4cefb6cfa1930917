"""Carries connections to gateways, as a load balancer does: each new one to the next gateway that takes it.

Usage: balancer.py ADDRESS PORT FILE

FILE has a gateway's ADDRESS:PORT a line and is read anew for each connection: a gateway that is taken out of it gets no new ones, and keeps those
that it has.
"""

import asyncio
import itertools
import sys

CONNECT_SECONDS_MAX = 1.0
PIECE_BYTES = 1 << 16
turns = itertools.count()


async def carry(reader, writer):
    """Until one side ends: then the other is told."""
    try:
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()


async def serve(reader, writer, path):
    with open(path, encoding="utf-8") as file:
        gateways = file.read().split()
    turn = next(turns)
    for at in range(len(gateways)):
        host, port = gateways[(turn + at) % len(gateways)].rsplit(":", 1)
        try:
            opening = asyncio.open_connection(host, int(port))
            theirs, to_them = await asyncio.wait_for(opening, CONNECT_SECONDS_MAX)
        except (OSError, asyncio.TimeoutError):
            continue
        await asyncio.gather(carry(reader, to_them), carry(theirs, writer))
        to_them.close()
        break
    writer.close()


async def main():
    address, port, path = sys.argv[1:4]
    server = await asyncio.start_server(lambda r, w: serve(r, w, path), address, int(port))
    print("balancing", flush=True)
    await server.serve_forever()


asyncio.run(main())
