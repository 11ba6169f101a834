"""Sends events with the published Python SDK, paced within its queue:
`send-with-python.py <host> <token> <count> <seconds> <v0|v1>`.

Prints {"captured": n, "errors": [...]}: how many events the SDK took, and what it could not deliver.
"""

import json
import sys
import time

from posthog import Posthog

host, token = sys.argv[1:3]
count, seconds, wire = int(sys.argv[3]), float(sys.argv[4]), sys.argv[5]
event = "from python v1" if wire == "v1" else "from python"
errors = []
client = Posthog(
    token,
    host=host,
    gzip=True,
    max_retries=20,
    capture_mode=wire,
    # v0 has gzip alone.
    capture_compression="deflate" if wire == "v1" else None,
    on_error=lambda error, batch: errors.append(repr(error)),
)
# Bursts of this many, and then as long a pause as makes `seconds` of them all; the queue holds 10,000.
burst = 200
captured = 0
for number in range(count):
    properties = {"number": number, "of": count, "text": "Grüße 😀"}
    if client.capture(event, distinct_id=f"python-{number % 100}", properties=properties) is not None:
        captured += 1
    if number % burst == burst - 1:
        time.sleep(seconds * burst / count)
        while client.queue.qsize() > 5_000:
            time.sleep(0.01)
if wire == "v1":
    client.set(distinct_id="python-0", properties={"plan": "free"})
    client.alias("python-0", "python-zero")
    client.group_identify("company", "python-inc", {"size": 5})
client.flush()
client.shutdown()
print(json.dumps({"captured": captured, "errors": errors}))
