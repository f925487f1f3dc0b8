"""Clients on loopback, in processes of their own: wrk where it is installed, else httpx.

The loop is closed: a connection sends its next request when it has the answer to the last. Any answer but a success
fails the run.
"""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx

from tests.benchmarks.traffic import Request

_SCRIPT = Path(__file__).with_name("wrk.lua")
_HTTPX_PROCESSES = 2


class LoadFailed(Exception):
    """An answer was not a success, or the prepared requests did not last."""


@dataclass(frozen=True, slots=True)
class Result:
    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    failures: int

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds


def run(port: int, requests: Sequence[Request], *, connections: int, seconds: float, once: bool = False) -> Result:
    """`once`: no request may be sent twice."""
    wrk = shutil.which("wrk")
    if wrk is not None:
        result = _with_wrk(wrk, port, requests, connections, seconds)
    else:
        result = _with_httpx(port, requests, connections, seconds)
    if result.failures:
        raise LoadFailed(f"{result.failures} of {result.requests} requests failed: {requests[0]}")
    if once and result.requests >= len(requests) - connections:
        raise LoadFailed(f"{len(requests)} prepared requests did not last {seconds} seconds")
    return result


def _with_wrk(wrk: str, port: int, requests: Sequence[Request], connections: int, seconds: float) -> Result:
    """With one thread, which is enough: it needs some 30 µs a request, and nothing is sent by two of them."""
    host = f"127.0.0.1:{port}"
    with TemporaryDirectory() as directory:
        file = Path(directory, "requests")
        raw = (request.raw(host) for request in requests)
        file.write_bytes(b"".join(b"%06d%b" % (len(each), each) for each in raw))
        command = [
            wrk,
            "-t1",
            f"-c{connections}",
            f"-d{round(seconds)}s",
            "--timeout",
            "10s",
            "-s",
            str(_SCRIPT),
            f"http://{host}/",
        ]
        output = subprocess.run([*command, "--", str(file)], check=True, capture_output=True, text=True)  # noqa: S603
    return Result(**json.loads(output.stdout.splitlines()[-1]))


def _with_httpx(port: int, requests: Sequence[Request], connections: int, seconds: float) -> Result:
    """Python clients need more time than the service: the ratios come out flatter than they are."""
    processes = min(_HTTPX_PROCESSES, connections)
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        shares = [
            pool.submit(_share, port, requests[number::processes], connections // processes, seconds)
            for number in range(processes)
        ]
        done = [share.result() for share in shares]
    latencies = sorted(latency for share, _ in done for latency in share)
    p50, p99 = (latencies[int(len(latencies) * share)] * 1000 for share in (0.50, 0.99))
    return Result(len(latencies), seconds, p50, p99, sum(failures for _, failures in done))


def _share(port: int, requests: Sequence[Request], connections: int, seconds: float) -> tuple[list[float], int]:
    return asyncio.run(_clients(port, requests, connections, seconds))


async def _clients(port: int, requests: Sequence[Request], connections: int, seconds: float) -> tuple[list[float], int]:
    latencies: list[float] = []
    failures = 0
    waiting = cycle(requests)
    end = time.perf_counter() + seconds

    async def work(client: httpx.AsyncClient) -> None:
        nonlocal failures
        while (started := time.perf_counter()) < end:
            request = next(waiting)
            response = await client.request(
                request.method, request.path, headers=dict(request.headers), content=request.body
            )
            latencies.append(time.perf_counter() - started)
            failures += not response.is_success

    limits = httpx.Limits(max_connections=connections)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits) as client:
        await asyncio.gather(*(work(client) for _ in range(connections)))
    return latencies, failures
