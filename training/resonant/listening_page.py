"""Makes a listening page: prompts, players for mix and stems, spectrograms, and optionally a second bundle alongside.

    python -m resonant.listening_page --program resonantgen [--bundle DIR] [--before DIR] [--out target/listen] [--prompts 24]
    python -m resonant.listening_page --program resonantgen --examples assets/examples

The first form makes a session from each prompt (existing ones are kept) and writes OUT/index.html. The second makes the README's
four short examples as Ogg Vorbis. Needs numpy and soundfile.
"""

from __future__ import annotations

import argparse
import html
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import soundfile

RATE = 48_000
STEMS = ("mix", "drums", "bass", "harmony", "melody")
# Two per style, with words about the sound.
PROMPTS = (
    "dark techno with driving bass", "hard techno, industrial drums", "deep house with a warm electric piano", "disco house",
    "dusty lo-fi hip hop with upright bass and soft piano", "boom bap, crunchy drums", "trap, hard 808", "drill",
    "liquid drum and bass", "jungle", "indie rock with picked bass and clean guitar", "metal", "pop, bright piano",
    "pop ballad, distant strings", "ambient, airy and wet", "dub techno", "jazz trio: piano, upright bass and brushes",
    "bossa nova with nylon guitar", "funk with a punchy finger bass and wurlitzer", "motown soul", "synthwave, wide pads",
    "italo disco", "epic cinematic", "neoclassical, soft grand piano and harp",
)  # fmt: skip
EXAMPLES = {
    "techno": ("dark techno with driving bass", 4, 3),
    "lofi": ("dusty lo-fi hip hop with upright bass and soft piano", 4, 2),
    "jazz": ("jazz trio: piano, upright bass and brushes", 4, 1),
    "funk": ("funk with a punchy finger bass and wurlitzer", 4, 5),
}
EXAMPLE_SECONDS = 12.0
BANDS, COLUMNS, RANGE_DB = 96, 720, 75.0
# Black, violet, orange, white.
COLOURS = np.array([[4, 4, 14], [72, 26, 96], [214, 84, 44], [252, 190, 96], [255, 252, 240]], dtype=np.float64)


def spectrogram(sound: np.ndarray) -> np.ndarray:
    """Image of a sound [samples], uint8 [BANDS, COLUMNS, 3]: 40 Hz (bottom) to 16 kHz, over its whole length."""
    size = 2048
    hop = max(1, len(sound) // COLUMNS)
    padded = np.concatenate([np.zeros(size // 2), sound, np.zeros(size)])
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:COLUMNS]
    power = np.abs(np.fft.rfft(frames * np.hanning(size), axis=1)) ** 2
    edges = np.geomspace(40, 16_000, BANDS + 1) * size / RATE
    pairs = zip(edges[:-1].astype(int), edges[1:].astype(int), strict=True)
    rows = [power[:, low : max(high, low + 1)].mean(axis=1) for low, high in pairs]
    level = 10 * np.log10(np.array(rows[::-1]) + 1e-12)
    share = np.clip((level - level.max()) / RANGE_DB + 1, 0, 1) * (len(COLOURS) - 1)
    left = np.minimum(share.astype(int), len(COLOURS) - 2)
    part = (share - left)[..., None]
    return (COLOURS[left] * (1 - part) + COLOURS[left + 1] * part).astype(np.uint8)


def write_png(path: Path, pixels: np.ndarray) -> None:
    """Writes uint8 [height, width, 3] as PNG."""
    height, width, _ = pixels.shape
    raw = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b""))


def slug(prompt: str) -> str:
    """A file name for a prompt."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in prompt.lower()).split())[:60]


def generate(program: Path, prompt: str, folder: Path, bundle: Path | None, bars: int, seed: int) -> None:
    """Makes a session unless it exists, and pictures of its stems."""
    if not (folder / "session.json").is_file():
        command = [str(program), "generate", prompt, "--out", str(folder), "--bars", str(bars), "--seed", str(seed)]
        if bundle:
            command += ["--bundle", str(bundle)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for stem in STEMS:
        picture = folder / f"{stem}.spectrum.png"
        if (folder / f"{stem}.wav").is_file() and not picture.is_file():
            sound, _ = soundfile.read(folder / f"{stem}.wav", always_2d=True)
            write_png(picture, spectrogram(sound.mean(axis=1)))


def column(folder: Path, out: Path) -> str:
    """Players and pictures for one session."""
    rows = []
    for stem in STEMS:
        if (folder / f"{stem}.wav").is_file():
            source = html.escape(str((folder / stem).relative_to(out)))
            rows.append(f'<figure><figcaption>{stem}</figcaption><audio controls loop preload="none" src="{source}.wav"></audio>'
                        f'<img loading="lazy" alt="spectrogram of {stem}" src="{source}.spectrum.png"></figure>')  # fmt: skip
    return "<div>" + "".join(rows) + "</div>"


def page(out: Path, versions: list[tuple[str, Path]], prompts: list[str]) -> str:
    """The page of prompts, with one column per bundle."""
    parts = [
        "<!doctype html><meta charset='utf-8'><title>ResonantGen: listening</title><style>"
        "body{background:#14151c;color:#ddd;font:15px system-ui;margin:2em}section{margin:0 0 3em}.row{display:flex;gap:2em}"
        "figure{margin:0 0 .8em}audio{width:360px;height:32px;display:block}"
        "img{width:360px;height:96px;image-rendering:pixelated}"
        "figcaption,h3{color:#999;margin:0;font-weight:400}</style><h1>Listening</h1>"
    ]
    for prompt in prompts:
        parts.append(f"<section><h2>{html.escape(prompt)}</h2><div class='row'>")
        parts += [f"<div><h3>{html.escape(name)}</h3>{column(folder / slug(prompt), out)}</div>" for name, folder in versions]
        parts.append("</div></section>")
    return "".join(parts)


def write_example(source: Path, target: Path) -> None:
    """The first seconds of a mix as Ogg Vorbis, faded out at the end."""
    sound, rate = soundfile.read(source, always_2d=True)
    sound = sound[: int(EXAMPLE_SECONDS * rate)]
    fade = np.linspace(1, 0, rate // 20)[:, None]
    sound[-len(fade) :] *= fade
    soundfile.write(target, sound, rate, format="OGG", subtype="VORBIS", compression_level=0.55)


def main() -> None:
    """Command-line entry point."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=Path, required=True, help="the ResonantGen command-line program")
    parser.add_argument("--bundle", type=Path, help="models [default: the program's own]")
    parser.add_argument("--before", type=Path, help="other models for a second column")
    parser.add_argument("--out", type=Path, default=Path("target/listen"))
    parser.add_argument("--prompts", type=int, default=len(PROMPTS), help="number of prompts to use")
    parser.add_argument("--examples", type=Path, help="write the README's examples to this folder instead of the page")
    arguments = parser.parse_args()
    try:
        if arguments.examples:
            arguments.examples.mkdir(parents=True, exist_ok=True)
            for name, (prompt, bars, seed) in EXAMPLES.items():
                folder = arguments.out / "examples" / name
                generate(arguments.program, prompt, folder, arguments.bundle, bars, seed)
                write_example(folder / "mix.wav", arguments.examples / f"{name}.ogg")
            return
        prompts = list(PROMPTS[: arguments.prompts])
        versions = [("these models", arguments.out / "now", arguments.bundle)]
        if arguments.before:
            versions.append(("before", arguments.out / "before", arguments.before))
        for _, folder, bundle in versions:
            for number, prompt in enumerate(prompts, 1):
                print(f"{number} of {len(prompts)}: {prompt}", file=sys.stderr)
                generate(arguments.program, prompt, folder / slug(prompt), bundle, 8, number)
        (arguments.out / "index.html").write_text(page(arguments.out, [(name, folder) for name, folder, _ in versions], prompts))
        print(arguments.out / "index.html")
    except (OSError, RuntimeError, subprocess.CalledProcessError) as error:
        sys.exit(f"listening_page: {error}")


if __name__ == "__main__":
    main()
