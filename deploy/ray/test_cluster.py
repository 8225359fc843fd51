"""A chore: a batch over a cluster of two nodes, of which one is killed in mid-run.

    RESONANTGEN_PROGRAM=target/release/resonantgen python -m pytest deploy/ray

Needs `pip install ray pytest` and a built program with its models. All nodes are processes on this machine.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")
from ray.cluster_utils import Cluster  # noqa: E402

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
import batch  # noqa: E402
import pool  # noqa: E402

# The nodes do not know the folder of these modules; as programs they are sent along.
ray.cloudpickle.register_pickle_by_value(batch)
ray.cloudpickle.register_pickle_by_value(pool)

PROMPTS = ["dark techno", "slow jazz, piano", "house with a driving bass", "ambient pads"]
ROWS = 12
BATCH_DONE_S = 600.0


@pytest.fixture
def program() -> str:
    """The program under test."""
    named = os.environ.get("RESONANTGEN_PROGRAM")
    if not named:
        pytest.skip("RESONANTGEN_PROGRAM names no program")
    return str(Path(named).resolve())


@pytest.fixture
def cluster():
    """A head that runs nothing and two nodes of one core each."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1, memory=2 << 30) for _ in range(2)]
    cluster.wait_for_nodes()
    yield cluster, nodes
    ray.shutdown()
    cluster.shutdown()


def table(folder: Path) -> Path:
    """A table of short loops; one row is refused."""
    lines = ["prompt,bars"] + [f'"{PROMPTS[row % len(PROMPTS)]}, take {row}",1' for row in range(ROWS - 1)]
    path = folder / "table.csv"
    path.write_text("\n".join(lines + ["techno,999"]) + "\n")
    return path


def stems(out: Path) -> dict[str, str]:
    """Hashes of all stems and notes below a folder."""
    files = [path for suffix in ("wav", "mid") for path in out.glob(f"*/*.{suffix}")]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def ledger_of(out: Path) -> list[dict]:
    """What was acknowledged."""
    path = out / batch.LEDGER
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_batch_survives_a_node_and_equals_one_run(program: str, cluster, tmp_path: Path) -> None:
    cluster, nodes = cluster
    csv = table(tmp_path)
    single, out = tmp_path / "single", tmp_path / "out"
    subprocess.run([program, "batch", str(csv), "--out", str(single), "--jobs", "1"], check=False, capture_output=True)
    expected = stems(single)
    assert len({name.split("/")[0] for name in expected}) == ROWS - 1

    def kill_one() -> None:
        end = time.monotonic() + BATCH_DONE_S
        while not ledger_of(out) and time.monotonic() < end:
            time.sleep(0.05)
        cluster.remove_node(nodes[0], allow_graceful=False)

    killer = threading.Thread(target=kill_one)
    killer.start()
    command = [str(csv), "--out", str(out), "--address", cluster.address, "--program", program, "--rows", "1"]
    assert batch.main(command) == 1, "one row is refused, as in the single run"
    killer.join()
    assert stems(out) == expected
    done = [entry for entry in ledger_of(out) if not entry["failed"]]
    assert len({entry["part"] for entry in done}) == len(done) == ROWS - 1, "each is acknowledged once"
    survivor = done[-1]["node"]
    assert any(entry["node"] != survivor for entry in done), "both nodes worked"

    # Started again, nothing is made anew.
    ray.shutdown()
    times = {path: path.stat().st_mtime_ns for path in out.glob("*/session.json")}
    assert batch.main(command) == 1
    assert {path: path.stat().st_mtime_ns for path in out.glob("*/session.json")} == times


def test_a_replica_comes_back_with_its_folder(program: str, cluster, tmp_path: Path) -> None:
    cluster, _ = cluster
    ray.init(address=cluster.address)
    arguments = type("Arguments", (), {
        "replicas": 2, "data": tmp_path, "cores": 1, "memory_mb": 500, "program": program,
    })()  # fmt: skip
    token = "for-a-test-on-one-machine"
    replicas = pool.start(arguments, token)
    first = pool.addresses_of(replicas, 60.0)
    assert None not in first and len(set(first)) == 2

    def sessions(address: str, method: str = "GET") -> object:
        headers = {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"{address}/v1/sessions", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    made = sessions(first[0], "POST")
    ray.kill(replicas[0], no_restart=False)
    end = time.monotonic() + 60.0
    again = None
    while time.monotonic() < end:
        again = pool.addresses_of(replicas[:1], 5.0)[0]
        if again not in (None, first[0]):
            break
        time.sleep(0.2)
    assert again not in (None, first[0])
    assert made["id"] in json.dumps(sessions(again))
