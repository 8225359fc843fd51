"""Runs a table of `resonantgen batch` of any length on a Ray cluster.

    python batch.py prompts.csv --out /shared/sounds [--address auto] [--rows 16] [--jobs 2] [--memory-mb 700] [--bundle DIR]

The table is cut into parts of some rows; each part is one Ray task that runs `resonantgen batch` on it. The results are those of one
`resonantgen batch` of the whole table on one machine, file for file, if all nodes have the same kind of processor. Every node has to
see `--out` under the same path and to have the program. A bundle that is named is brought to each node once.

It can be stopped and started again: parts that were acknowledged (`parts.jsonl` in the output folder) are not run again, and within
the others `resonantgen batch` skips the rows that are complete. When a node dies, its parts run again elsewhere.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import ray
from ray.util.metrics import Counter

LEDGER = "parts.jsonl"
TRIES_AFTER_LOST_NODES = 20


def read_table(path: Path) -> list[dict[str, str]]:
    """The rows of a table in UTF-8 with commas, each with the name and seed that one batch of the whole table would give it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = [row for row in csv.DictReader(file, strict=True) if any((cell or "").strip() for cell in row.values())]
    names = set()
    for number, row in enumerate(rows, 1):
        if None in row or not (row.get("prompt") or "").strip():
            raise SystemExit(f"row {number} has no prompt, or more cells than the header")
        row["seed"] = (row.get("seed") or "").strip() or str(number)
        row["name"] = (row.get("name") or "").strip() or default_name(number, row["prompt"])
        if row["name"].lower() in names:
            raise SystemExit(f"row {number}: another row has the name {row['name']!r}")
        names.add(row["name"].lower())
    return rows


def default_name(number: int, prompt: str) -> str:
    """The folder of a row that names none, as `resonantgen batch` chooses it."""
    words = re.sub(r"[^A-Za-z0-9]", " ", prompt).lower().split()[:6]
    return f"{number:04}-{'-'.join(words)}".rstrip("-")


def table_of(rows: list[dict[str, str]]) -> str:
    """Rows as a table."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def packed(bundle: Path) -> tuple[str, bytes]:
    """A bundle as one archive, and its hash."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted(path for path in bundle.rglob("*") if path.is_file()):
            # Without dates, so that the same bundle has the same hash.
            entry = tarfile.TarInfo(str(path.relative_to(bundle)))
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(entry, file)
    data = archive.getvalue()
    return hashlib.sha256(data).hexdigest(), data


def placed(sha256: str, archive: bytes) -> Path:
    """The folder of a bundle on this node, unpacked by the first task that needs it."""
    folder = Path(tempfile.gettempdir()) / f"resonantgen-{sha256[:32]}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
            with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
                tar.extractall(Path(temporary) / "bundle", filter="data")
            try:
                (Path(temporary) / "bundle").rename(folder)
            except OSError:
                # Another task was faster; what it unpacked is the same.
                if not folder.exists():
                    raise
    return folder


@ray.remote(max_retries=TRIES_AFTER_LOST_NODES)
def run_part(table: str, out: str, program: str, jobs: int, bundle: tuple[str, bytes] | None) -> dict:
    """Runs some rows on this node; returns the report of `resonantgen batch`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part.csv"
        path.write_text(table, encoding="utf-8")
        command = [program, "batch", str(path), "--out", out, "--jobs", str(jobs), "--json"]
        if bundle:
            command += ["--bundle", str(placed(*bundle))]
        done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout.strip():
        raise RuntimeError(done.stderr.strip()[-2000:] or f"{program} ended with {done.returncode}")
    report = json.loads(done.stdout)
    return report | {"node": ray.get_runtime_context().get_node_id()}


def part_id(rows: list[dict[str, str]]) -> str:
    """Identity of a part in the ledger."""
    return hashlib.sha256(table_of(rows).encode()).hexdigest()[:16]


def acknowledged(ledger: Path) -> set[str]:
    """Parts without a failed row that were acknowledged before. A line that was cut off by a crash does not count."""
    parts = set()
    for line in ledger.read_text().splitlines() if ledger.exists() else []:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if not entry["failed"]:
            parts.add(entry["part"])
    return parts


def acknowledge(ledger: Path, entry: dict) -> None:
    """Adds a part to the ledger, on disk before it counts."""
    with ledger.open("a") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())


def run(arguments: argparse.Namespace) -> int:
    """Runs all parts that are not done. Returns the exit code."""
    rows = read_table(arguments.table)
    out = arguments.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    ledger = out / LEDGER
    parts = [rows[start : start + arguments.rows] for start in range(0, len(rows), arguments.rows)]
    before = acknowledged(ledger)
    waiting = [part for part in parts if part_id(part) not in before]
    done = len(rows) - sum(map(len, waiting))
    print(f"{len(rows)} rows in {len(parts)} parts, {done} rows are done", file=sys.stderr)
    ray.init(address=arguments.address, log_to_driver=False)
    counter = Counter("resonantgen_rows", "Rows of the table that are done.", ("outcome",))
    bundle = ray.put(packed(arguments.bundle)) if arguments.bundle else None
    task = run_part.options(num_cpus=arguments.jobs, memory=arguments.memory_mb << 20, scheduling_strategy="SPREAD")
    failures, begin, ready_rows = [], time.monotonic(), 0
    running: dict = {}
    while waiting or running:
        # As many as may be ready at a time: a million rows need not be in Ray's memory together.
        while waiting and len(running) < arguments.ahead:
            part = waiting.pop(0)
            running[task.remote(table_of(part), str(out), arguments.program, arguments.jobs, bundle)] = part
        [ready], _ = ray.wait(list(running))
        part = running.pop(ready)
        try:
            report = ray.get(ready)
        except Exception as error:  # of Ray or of the part: the others go on
            failures += [(row["name"], str(error)) for row in part]
            report = {"made": 0, "already_there": 0, "failed": len(part), "node": None}
        else:
            failures += [(row["name"], row["failed"]["error"]) for row in report["rows"] if "failed" in row]
            summary = {key: report[key] for key in ("made", "already_there", "failed", "seconds", "node")}
            acknowledge(ledger, {"part": part_id(part), "first": part[0]["name"], "rows": len(part)} | summary)
        for outcome in ("made", "already_there", "failed"):
            if report[outcome]:
                counter.inc(report[outcome], tags={"outcome": outcome})
        ready_rows += len(part)
        rate = ready_rows / (time.monotonic() - begin)
        left = (len(rows) - done - ready_rows) / rate
        print(f"{done + ready_rows} of {len(rows)} rows, {rate:.2f} rows/s, {left:.0f} s left", file=sys.stderr)
    for name, error in failures:
        print(f"FAILED {name}: {error}", file=sys.stderr)
    print(json.dumps({"rows": len(rows), "done": len(rows) - len(failures), "failed": len(failures)}))
    return 1 if failures else 0


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("table", type=Path, help="as for `resonantgen batch`, in UTF-8 with commas")
    parser.add_argument("--out", type=Path, required=True, help="folder that all nodes see under this path")
    parser.add_argument("--address", help="of the cluster [default: RAY_ADDRESS, or a new one on this machine]")
    parser.add_argument("--program", default="resonantgen", help="on the nodes")
    parser.add_argument("--bundle", type=Path, help="models to bring to each node [default: those beside the program]")
    parser.add_argument("--rows", type=int, default=16, help="rows of a part")
    parser.add_argument("--jobs", type=int, default=1, help="sessions at a time in a part, each on one core")
    parser.add_argument("--memory-mb", type=int, default=700, help="memory that a part is given")
    parser.add_argument("--ahead", type=int, default=1000, help="most parts that wait in Ray")
    return run(parser.parse_args(argv))


if __name__ == "__main__":
    sys.exit(main())
