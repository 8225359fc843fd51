"""Human timing and touch, applied when a piece is rendered; the score itself stays on the grid."""

from __future__ import annotations

import random
from dataclasses import replace

from resonant.piece import KEY_TO_CLASS, Note, Piece

# style -> standard deviations of (timing in steps, velocity)
_LOOSENESS = {
    "techno": (0.004, 2),
    "house": (0.01, 3),
    "hiphop": (0.035, 5),
    "trap": (0.008, 3),
    "dnb": (0.012, 3),
    "rock": (0.025, 5),
    "pop": (0.015, 4),
    "ambient": (0.03, 4),
    "jazz": (0.04, 6),
    "funk": (0.025, 5),
    "synthwave": (0.008, 2),
    "cinematic": (0.03, 5),
}


def humanise(piece: Piece, seed: int, amount: float = 1.0) -> Piece:
    """A copy with small random shifts in timing (offset, steps) and velocity; rolls keep their even spacing."""
    rng = random.Random(f"{seed}/human")
    timing, touch = (amount * value for value in _LOOSENESS[piece.style])
    snare_late = rng.uniform(0.0, 2.0) * timing
    tracks: dict[str, list[Note]] = {}
    for track, notes in piece.tracks.items():
        played = []
        shared: dict[tuple[int, float], float] = {}
        rolled = {(n.step, n.pitch) for n in notes if n.offset > 0} if track == "drums" else set()
        for note in notes:
            spot = (note.step, note.offset if track != "drums" else note.pitch)
            if spot not in shared:
                shift = rng.gauss(0.0, timing)
                if track == "drums":
                    kind = KEY_TO_CLASS[note.pitch]
                    shift = 0.4 * shift if kind == 0 else shift + (snare_late if kind in (1, 2) else 0.0)
                shared[spot] = 0.0 if (note.step, note.pitch) in rolled else shift
            jitter = shared[spot] + (rng.gauss(0.0, 0.3 * timing) if track in ("harmony",) else 0.0)
            limit = 0.2
            offset = note.offset + min(max(jitter, -limit if note.step else 0.0), limit)
            velocity = int(min(max(round(note.velocity + rng.gauss(0.0, touch)), 1), 127))
            played.append(replace(note, offset=offset, velocity=velocity))
        tracks[track] = sorted(played, key=lambda n: (n.step, n.offset, n.pitch))
    return replace(piece, tracks=tracks)
