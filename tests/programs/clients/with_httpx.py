import json
import sys
import time

import httpx
from httpx_sse import connect_sse

headers = dict(header.split(": ", 1) for header in sys.argv[2:])
with httpx.Client(timeout=30) as client:
    while True:
        with connect_sse(client, "GET", sys.argv[1], headers=headers) as source:
            for event in source.iter_sse():
                print(json.dumps([event.event, event.data]), flush=True)
                if event.id:
                    headers["Last-Event-ID"] = event.id
        time.sleep(0.05)
