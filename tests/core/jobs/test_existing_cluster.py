"""A second, real cluster on loopback: a scheduler and two workers started by `dask`, TLS from a certificate authority made here."""

from __future__ import annotations

import datetime
import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from core import jobs
from core.jobs.pool import ROOT
from core.jobs.runner import NO_WORKERS
from tests.core.jobs import trainers
from tests.core.jobs.conftest import ended, lines, seconds_to_stop, until
from tests.core.jobs.trainers import Walk

pytestmark = pytest.mark.cluster

SPEC = Walk(total=60, pause=0.02, seed=11)


def certificate(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey
) -> bytes:
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=name == issuer, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM)


def write_tls(folder: Path) -> dict[str, str]:
    """CA, certificate and key as files."""
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = {
        "ca": certificate("authority", authority, "authority", authority),
        "cert": certificate("member", own, "authority", authority),
        "key": own.private_bytes(*form),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return {name: str(folder / name) for name in files}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment that names a running cluster of two workers."""
    folder = tmp_path_factory.mktemp("cluster")
    tls = write_tls(folder)
    options = [
        "--tls-ca-file",
        tls["ca"],
        "--tls-cert",
        tls["cert"],
        "--tls-key",
        tls["key"],
        "--host",
        "tls://127.0.0.1",
    ]
    options += ["--no-dashboard", "--scheduler-file", str(folder / "scheduler.json")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_TEMPORARY_DIRECTORY": str(folder)}
    roles = [["scheduler", "--port", "0"], *[["worker", "--nthreads", "1"]] * 2]
    with ExitStack() as stack:
        for role in roles:
            command = [sys.executable, "-m", "dask", *role, *options]
            log = stack.enter_context((folder / "log").open("a"))
            process = stack.enter_context(subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log))
            stack.callback(process.terminate)
        until(lambda: (folder / "log").read_text().count("Registered to") == 2, 30)
        address = (folder / "log").read_text().split("Scheduler at:")[1].split()[0]
        names = {f"GLASSNET_TLS_{name.upper()}": path for name, path in tls.items()}
        yield {"GLASSNET_SCHEDULER": address, **names}


@pytest.fixture
def elsewhere(cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The jobs go to the existing cluster."""
    jobs.stop()
    for name, value in cluster.items():
        monkeypatch.setenv(name, value)
    yield
    jobs.stop()


@pytest.fixture
def local_view(pool: None) -> jobs.JobView:
    """The same run on the local pool."""
    return ended(jobs.submit(trainers.walk, SPEC, owner="ada", explainer="walk"))


def test_an_existing_cluster_gives_the_same_arrays(local_view: jobs.JobView, elsewhere: None, tmp_path: Path) -> None:
    view = ended(jobs.submit(trainers.walk, SPEC, owner="ada", explainer="walk"))
    assert (view.state, local_view.state) == ("done", "done")
    for name, values in local_view.metrics.items():
        np.testing.assert_array_equal(view.metrics[name], values)
    np.testing.assert_array_equal(view.newest.arrays["position"], local_view.newest.arrays["position"])
    local = {frame.step: frame.arrays["position"] for frame in local_view.film}
    common = [frame for frame in view.film if frame.step in local]
    assert len(common) >= 3
    for frame in common:
        np.testing.assert_array_equal(frame.arrays["position"], local[frame.step])


def test_there_too_a_killed_job_runs_once_more_and_stop_acts(elsewhere: None, tmp_path: Path) -> None:
    spec = Walk(total=20, pause=0.01, folder=str(tmp_path))
    view = ended(jobs.submit(trainers.deadly_once, spec, owner="ada", explainer="walk"))
    assert (view.state, view.attempts) == ("done", 2)
    assert ended(jobs.submit(trainers.deadly, Walk(), owner="ada", explainer="deadly")).attempts == 2
    assert min(seconds_to_stop(tmp_path) for _ in range(5)) < 0.2


def test_a_job_ends_when_its_server_has_gone(elsewhere: None, tmp_path: Path) -> None:
    job = jobs.submit(trainers.walk, Walk(10_000, 0.01, folder=str(tmp_path)), owner="ada", explainer="walk")
    until(lambda: jobs.view(job).step > 0)
    jobs.stop()
    assert jobs.view(job).state == "stopped"
    until(lambda: lines(tmp_path, "left"))


def test_without_the_cluster_jobs_fail_in_plain_words(
    elsewhere: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("core.jobs.pool.PATIENCE", 1.0)
    monkeypatch.setenv("GLASSNET_SCHEDULER", "tls://127.0.0.1:9")  # nobody listens on the discard port
    assert ended(jobs.submit(trainers.walk, SPEC, owner="ada", explainer="walk")).error == NO_WORKERS
