"""Data, codec and generator training for ResonantGen."""
