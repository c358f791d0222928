"""AWS Lambda: the service of a bundle as a function, behind API Gateway, a function URL or a load balancer.

Set the function's handler to ``handler.handler`` and the variable ``MLE_BUNDLE`` to the bundle, which lies
beside this file as ``bundle`` unless it says otherwise. The model is loaded here, while the function starts,
and not for each event. ``MLE_TRUSTED_KEY`` names the public key that must have signed it.
"""

import os
import sys
from pathlib import Path

from mlhelpers.packaging import load_bundle
from mlhelpers.serving.app import create_app
from mlhelpers.serving.functions import lambda_handler
from mlhelpers.serving.logs import RequestLog

key = os.environ.get("MLE_TRUSTED_KEY")
bundle = load_bundle(
    os.environ.get("MLE_BUNDLE") or Path(__file__).with_name("bundle"),
    trusted_keys=[key] if key else None,
    runtime="onnx",
)
# A request to Lambda may have 6 MB at most; between events it is frozen, so nothing drains or watches.
app = create_app(bundle, max_bytes=6_000_000, drain_seconds=0, log=RequestLog(sys.stderr.buffer))
handler = lambda_handler(app)
