"""Where jobs are computed: a cluster of this machine's own, or with GLASSNET_SCHEDULER an existing one.

The local cluster lives in a process of its own (`python -m core.jobs`) and not in the web server: its scheduler then takes
no time from the pages, and new workers do not import Streamlit's `__main__`, the script of whichever page is running.
It ends when its standard input ends, thus also when the server is killed.

    GLASSNET_SCHEDULER   tls://host:port of an existing scheduler; it and its workers need this project on their
                         PYTHONPATH, and it should keep few events (DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH=20):
                         they carry arrays
    GLASSNET_TLS_CA, GLASSNET_TLS_CERT, GLASSNET_TLS_KEY   files (PEM) that the existing cluster trusts
    GLASSNET_JOB_WORKERS, GLASSNET_JOB_MEMORY   number of local workers, and memory limit of each, such as 512MiB
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import Client

ROOT = Path(__file__).resolve().parents[2]
FILES = {"ca": "GLASSNET_TLS_CA", "cert": "GLASSNET_TLS_CERT", "key": "GLASSNET_TLS_KEY"}
PATIENCE = 30.0  # seconds to connect; on a busy machine the encrypted greeting alone takes several


@dataclass(frozen=True)
class Place:
    """A scheduler's address, and certificate authority, certificate and key: file names or PEM text."""

    address: str
    ca: str
    cert: str
    key: str


def existing_place(environ: Mapping[str, str]) -> Place | None:
    """The cluster that the environment names, if any.

    Raises:
        ValueError: it is not named by tls://, or its TLS files are missing.
    """
    address = environ.get("GLASSNET_SCHEDULER")
    if not address:
        return None
    if not address.startswith("tls://"):
        raise ValueError(f"GLASSNET_SCHEDULER {address!r} is not allowed; give an encrypted address, tls://host:port")
    for variable in FILES.values():
        if not Path(environ.get(variable, "")).is_file():
            raise ValueError(f"GLASSNET_SCHEDULER is set, but {variable} {environ.get(variable)!r} is not a file")
    return Place(address, **{field: environ[variable] for field, variable in FILES.items()})


@asynccontextmanager
async def connected(existing: Place | None) -> AsyncIterator[Client]:
    """A client of the existing cluster, or of a local one that lives as long as this context."""
    if existing is None:
        async with _local_place() as local, _client(local) as client:
            yield client
    else:
        async with _client(existing) as client:
            yield client


@asynccontextmanager
async def _client(place: Place) -> AsyncIterator[Client]:
    from distributed import Client
    from distributed.security import Security

    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters is said by the runner
    security = Security(
        require_encryption=True, tls_ca_file=place.ca, tls_client_cert=place.cert, tls_client_key=place.key
    )
    client = Client(place.address, security=security, asynchronous=True, set_as_default=False, timeout=PATIENCE)
    try:
        yield await client
    finally:
        await client.close()


@asynccontextmanager
async def _local_place() -> AsyncIterator[Place]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "core.jobs"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )
    try:
        if not (line := await process.stdout.readline()):
            raise RuntimeError("the pool of workers did not start; it has said why on standard error")
        yield Place(**json.loads(line))
    finally:
        await process.communicate(b"")  # closes its standard input, which ends it
