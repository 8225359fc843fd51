"""Data, codec and generator training for ResonantGen."""

import os

# Newer ONNX Runtimes report how they are used to their maker, from the moment they are imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
