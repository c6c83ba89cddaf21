import asyncio
import json
import sys

from aiohttp_sse_client.client import EventSource


async def main():
    headers = dict(header.split(": ", 1) for header in sys.argv[2:])
    async with EventSource(sys.argv[1], headers=headers) as source:
        async for event in source:
            print(json.dumps([event.type or "message", event.data]), flush=True)


asyncio.run(main())
