"""Data, codec and generator training for ResonantGen."""

import os

# Newer versions of ONNX Runtime send usage data to their maker from the moment they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
