"""Ask a service that has just been started for the stored example, and compare the answers."""

import json
import sys
import time
from pathlib import Path

import requests

said, example = Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8"))
end = time.monotonic() + 60
while not said.read_text(encoding="utf-8").strip():
    if time.monotonic() > end:
        sys.exit("the service did not start within 60 s")
    time.sleep(0.05)
url = json.loads(said.read_text(encoding="utf-8").splitlines()[0])["url"]
answer = requests.post(f"{url}/v1/predict", json=example["request"], timeout=10)
answer.raise_for_status()
found, wanted = answer.json()["probabilities"], example["answer"]["probabilities"]
if max(abs(a - b) for a, b in zip(found, wanted, strict=True)) > 1e-6:
    sys.exit(f"the service answers {found}, the bundle holds {wanted}")
print(f"{len(found)} answers as stored")
