"""Data, codec and generator training for ResonantGen."""

import os

# Newer versions of ONNX Runtime send usage data to the vendor as soon as they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
