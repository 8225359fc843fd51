"""Keeps a pool of `resonantgen serve` replicas on a Ray cluster.

    RESONANTGEN_TOKEN=... python pool.py --replicas 4 --data /shared/resonantgen [--address auto] [--cores 2] [--memory-mb 700]

Each replica is an actor with a folder of its own (`/shared/resonantgen/0`, `1`, ...), on the node with the most room. When a replica or its
node dies, Ray starts it again elsewhere with the same folder, and its waiting jobs go on. `pool.json` in the data folder always holds the
replicas' addresses, for the gateway that sends each session to its replica (docs/scaling.md).
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import ray

POOL = "pool.json"
START_S = 30.0


def end_with_parent() -> None:
    """Ends this process when its parent is killed, so that its folder is free for the next replica (Linux)."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1  # sys/prctl.h
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


@ray.remote(max_restarts=-1, max_task_retries=-1)
class Replica:
    """One server process."""

    def __init__(self, program: str, data: str, token: str, threads: int) -> None:
        self.host = ray.util.get_node_ip_address()
        with socket.socket() as free:
            free.bind((self.host, 0))
            self.port = free.getsockname()[1]
        # By the environment, where the list of processes does not show it.
        environment = os.environ | {"RESONANTGEN_TOKEN": token}
        command = [program, "serve", "--addr", f"{self.host}:{self.port}", "--data", data, "--threads", str(threads)]
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, preexec_fn=end_with_parent
        )
        end = time.monotonic() + START_S
        while not self.is_well():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise RuntimeError(f"the server at {self.host}:{self.port} does not start")
            time.sleep(0.1)

    def is_well(self) -> bool:
        """Whether the server answers."""
        try:
            with urllib.request.urlopen(f"http://{self.host}:{self.port}/health", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def address(self) -> str:
        """Where it listens. A replica whose server has died ends, to be started again."""
        if self.process.poll() is not None:
            os._exit(1)
        return f"http://{self.host}:{self.port}"


def publish(data: Path, addresses: list[str | None]) -> None:
    """Replaces the list of addresses atomically; a replica that is being started again has none."""
    with tempfile.NamedTemporaryFile("w", dir=data, delete=False) as file:
        json.dump({"replicas": addresses}, file)
    Path(file.name).replace(data / POOL)


def addresses_of(replicas: list, seconds: float) -> list[str | None]:
    """The replicas' addresses."""
    asked = [replica.address.remote() for replica in replicas]
    ready, _ = ray.wait(asked, num_returns=len(asked), timeout=seconds)
    found: list[str | None] = []
    for answer in asked:
        try:
            found.append(ray.get(answer) if answer in ready else None)
        except ray.exceptions.RayError:
            found.append(None)
    return found


def start(arguments: argparse.Namespace, token: str) -> list:
    """Starts the replicas."""
    replicas = []
    for number in range(arguments.replicas):
        folder = arguments.data.resolve() / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        options = {"num_cpus": arguments.cores, "memory": arguments.memory_mb << 20, "scheduling_strategy": "SPREAD"}
        replicas.append(Replica.options(**options).remote(arguments.program, str(folder), token, arguments.cores))
    return replicas


def main(argv: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--replicas", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder that all nodes see under this path")
    parser.add_argument("--address", help="of the cluster [default: RAY_ADDRESS, or a new one on this machine]")
    parser.add_argument("--program", default="resonantgen", help="on the nodes")
    parser.add_argument("--cores", type=int, default=2, help="cores of a replica")
    parser.add_argument("--memory-mb", type=int, default=700, help="memory of a replica")
    arguments = parser.parse_args(argv)
    token = os.environ.get("RESONANTGEN_TOKEN") or sys.exit("set RESONANTGEN_TOKEN: replicas listen beyond their own node")
    ray.init(address=arguments.address)
    replicas = start(arguments, token)
    before: list[str | None] = []
    while True:
        now = addresses_of(replicas, START_S)
        if now != before:
            publish(arguments.data, now)
            print(json.dumps(now), flush=True)
        before = now
        time.sleep(2)


if __name__ == "__main__":
    sys.exit(main())
