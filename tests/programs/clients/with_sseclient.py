import json
import sys
import time

import requests
import sseclient

headers = dict(header.split(": ", 1) for header in sys.argv[2:])
while True:
    response = requests.get(sys.argv[1], stream=True, headers=headers, timeout=30)
    for event in sseclient.SSEClient(response).events():
        print(json.dumps([event.event, event.data]), flush=True)
        if event.id:
            headers["Last-Event-ID"] = event.id
    time.sleep(0.05)
