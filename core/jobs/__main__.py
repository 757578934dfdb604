"""The local cluster: `python -m core.jobs` starts it, says on standard output where it is, and ends with its standard input.

One worker process per core, one thread each, as long as 60 % of the memory gives each at least 1 GiB;

    memory limit = min(2 GiB, 0.6 * RAM / workers)

unless GLASSNET_JOB_WORKERS and GLASSNET_JOB_MEMORY say otherwise.

Loopback only, with TLS credentials that were made for this start and exist in memory alone.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Mapping
from tempfile import TemporaryDirectory

import dask
from dask.system import CPU_COUNT
from dask.utils import parse_bytes
from distributed import LocalCluster
from distributed.security import Security
from distributed.system import MEMORY_LIMIT

SHARE = 0.6  # of the memory
CONFIG = {
    "distributed.scheduler.allowed-failures": 0,  # a job whose worker dies is tried again by the runner
    "distributed.scheduler.worker-ttl": None,  # a job may hold its interpreter for long
    "distributed.deploy.lost-worker-timeout": "3650 days",  # else it gives up a worker that is away at that moment
    "distributed.worker.memory.target": False,  # a job holds its own data: nothing can be spilled,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,  # and a paused worker would never get a job again
    "distributed.worker.memory.terminate": 1.0,
    "distributed.worker.profile.enabled": False,
    "distributed.admin.low-level-log-length": 20,  # the scheduler keeps that many messages with arrays
    "distributed.diagnostics.nvml": False,
    "distributed.scheduler.http.routes": [],  # nobody needs to read about the cluster in a browser
    "distributed.worker.http.routes": [],
}


def size(environ: Mapping[str, str], cores: int, memory: int) -> tuple[int, int]:
    """Number of workers and memory limit of each (bytes) on a machine with `cores` and `memory` (bytes)."""
    wish = environ.get("GLASSNET_JOB_MEMORY")
    limit = parse_bytes(wish) if wish else None
    fit = max(1, min(cores, int(SHARE * memory // (limit or 2**30))))
    workers = int(environ.get("GLASSNET_JOB_WORKERS") or fit)
    return workers, limit or min(2 * 2**30, int(SHARE * memory / workers))


def main() -> None:
    """Run the cluster until standard input ends."""
    os.setpgid(0, 0)  # Ctrl-C in a terminal is for the server, which then ends this
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a job prints must not fill the server's pipe
    workers, limit = size(os.environ, CPU_COUNT, MEMORY_LIMIT)
    security = Security.temporary()
    with (
        TemporaryDirectory(prefix="glassnet-") as scratch,
        dask.config.set({**CONFIG, "temporary-directory": scratch}),
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=limit,
            host="127.0.0.1",
            protocol="tls",
            security=security,
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        place = {"ca": security.tls_ca_file, "cert": security.tls_client_cert, "key": security.tls_client_key}
        print(json.dumps({"address": cluster.scheduler_address, **place}), file=told, flush=True)
        sys.stdin.read()
        cluster.sync(_end_workers, cluster)


async def _end_workers(cluster: LocalCluster) -> None:
    """Soon: the polite end of a process that has imported torch takes seconds, and there is nothing to save."""
    await asyncio.gather(*(nanny.close(timeout=1.0) for nanny in cluster.workers.values()), return_exceptions=True)


if __name__ == "__main__":
    main()
