"""Runs on disk: a model's weights, its arrays and what is known of it, kept over a restart of the server.

    root/<id>/manifest.json       format, name, owner, about, and the name, size and SHA-256 of each file
    root/<id>/<sha256>.safetensors, <sha256>.npz

A file is written under the hash of its content before the manifest names it, and the manifest is put in place by one rename. So a
kill at any moment leaves the run as it was or as it should be, never half of it. Nothing is unpickled.

A run belongs to a key that only its owner has; what is stored is the key's hash. The id is random and works like a link: who has it
can load the model, nobody is told the ids of others. The root is `GLASSNET_STORE`, or glassnet/runs in the user's data folder.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as read_tensors
from safetensors.numpy import save as pack_tensors

from core.errors import ExplainerError

__all__ = ["Entry", "Run", "delete", "load", "new_key", "rename", "runs", "save", "stamp", "weights_file"]

FORMAT = 1
ID = re.compile(r"[A-Za-z0-9_-]{8,40}")
MOST_RUNS, MOST_BYTES, LONGEST_NAME = 40, 700_000_000, 80
KINDS = {"weights": "safetensors", "arrays": "npz"}


@dataclass(frozen=True, eq=False)
class Run:
    """What is kept: a `name` for people, `about` (plain JSON: what is needed to build and judge the model), `weights` and `arrays`."""

    name: str
    about: Mapping[str, Any]
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True)
class Entry:
    """A line of the list of runs."""

    id: str
    name: str
    saved: str
    bytes: int
    about: Mapping[str, Any] = field(hash=False)


def new_key() -> str:
    """A key for a new owner."""
    return secrets.token_urlsafe(24)


def save(run: Run, key: str) -> str:
    """Keep a run for the owner of `key`; a run with an id that is there already replaces it. Returns the id.

    Raises:
        ExplainerError: no key, a name that cannot be used, too many runs, too many bytes, or a run of another owner.
    """
    owner, name = _owner(key), _checked_name(run.name)
    folder = _folder(run.id) if run.id else _root() / secrets.token_urlsafe(12)
    old = _manifest(folder)
    if old is not None and old["owner"] != owner:
        raise ExplainerError("this run belongs to another key; save it under a new name")
    if old is None and len(runs(key)) >= MOST_RUNS:
        raise ExplainerError(f"{MOST_RUNS} runs are kept already, and no more are taken; delete one first")
    content = {"weights": pack_tensors(_plain(run.weights)), "arrays": _npz(run.arrays)}
    if sum(map(len, content.values())) > MOST_BYTES:
        raise ExplainerError(
            f"the run takes more than {MOST_BYTES // 1_000_000} MB; keep a smaller network, or a probe"
        )
    folder.mkdir(parents=True, exist_ok=True)
    files = {kind: _write_file(folder, kind, data) for kind, data in content.items()}
    saved = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    manifest = {"format": FORMAT, "id": folder.name, "name": name, "owner": owner, "saved": saved, "about": dict(run.about), "files": files}  # fmt: skip
    _replace(folder / "manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1).encode())
    _forget_old(folder, old, files)
    return folder.name


def load(run_id: str) -> Run:
    """The run with this id.

    Raises:
        ExplainerError: there is no such run, or its files are not those that were saved.
    """
    folder = _folder(run_id)
    manifest = _found(folder)
    weights, arrays = (_read_file(folder, manifest["files"][kind]) for kind in KINDS)
    try:
        with np.load(io.BytesIO(arrays), allow_pickle=False) as stored:
            return Run(manifest["name"], manifest["about"], read_tensors(weights), dict(stored), folder.name)
    except (SafetensorError, ValueError, OSError):
        raise ExplainerError(f"the files of run {run_id!r} are damaged; delete it and save it again") from None


def weights_file(run_id: str) -> bytes:
    """The safetensors file of a run. Raises ExplainerError as `load` does."""
    folder = _folder(run_id)
    return _read_file(folder, _found(folder)["files"]["weights"])


def stamp(run_id: str) -> str:
    """A word that changes when the run is replaced. Raises ExplainerError if there is no such run."""
    manifest = _found(_folder(run_id))
    return f"{manifest['files']['weights']['sha256']} {manifest['saved']}"


def runs(key: str) -> tuple[Entry, ...]:
    """The runs of the owner of `key`, the newest first."""
    owner, root = _owner(key), _root()
    found = [_manifest(folder) for folder in root.iterdir()] if root.is_dir() else []
    own = [m for m in found if m is not None and m["owner"] == owner]
    entries = [Entry(m["id"], m["name"], m["saved"], sum(f["bytes"] for f in m["files"].values()), m["about"]) for m in own]  # fmt: skip
    return tuple(sorted(entries, key=lambda e: (e.saved, e.id), reverse=True))


def rename(run_id: str, name: str, key: str) -> None:
    """Give a run of one's own another name. Raises ExplainerError if it is not one's own, or the name cannot be used."""
    folder, manifest = _own(run_id, key)
    _replace(folder / "manifest.json", json.dumps({**manifest, "name": _checked_name(name)}, ensure_ascii=False, indent=1).encode())  # fmt: skip


def delete(run_id: str, key: str) -> None:
    """Remove a run of one's own. Raises ExplainerError if it is not one's own."""
    folder, _ = _own(run_id, key)
    (folder / "manifest.json").unlink()  # from here on there is no such run
    shutil.rmtree(folder, ignore_errors=True)


def _own(run_id: str, key: str) -> tuple[Path, dict[str, Any]]:
    folder = _folder(run_id)
    manifest = _manifest(folder)
    if manifest is None or manifest["owner"] != _owner(key):
        raise ExplainerError(f"there is no run {run_id[:40]!r} under this key")
    return folder, manifest


def _root() -> Path:
    named = os.environ.get("GLASSNET_STORE")
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(named).expanduser() if named else Path(data) / "glassnet" / "runs"


def _folder(run_id: str) -> Path:
    if not ID.fullmatch(run_id):
        raise ExplainerError(f"{run_id[:40]!r} is no id of a run; an id has 8 to 40 letters and digits")
    return _root() / run_id


def _owner(key: str) -> str:
    if len(key) < 16:
        raise ExplainerError("a run needs the key of its owner, 16 characters or more; reload the page to get one")
    return hashlib.sha256(key.encode()).hexdigest()


def _checked_name(name: str) -> str:
    clean = " ".join("".join(c if c.isprintable() else " " for c in name).split())
    if not 1 <= len(clean) <= LONGEST_NAME:
        raise ExplainerError(f"a name has 1 to {LONGEST_NAME} characters, this one has {len(clean)}; try another")
    return clean


def _manifest(folder: Path) -> dict[str, Any] | None:
    """What the manifest says; None where there is none that can be read, which is how a run that was never finished looks."""
    try:
        found = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("format") == FORMAT else None


def _found(folder: Path) -> dict[str, Any]:
    manifest = _manifest(folder)
    if manifest is None:
        raise ExplainerError(f"there is no run {folder.name!r} here; it may have been deleted")
    return manifest


def _plain(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(value) for name, value in arrays.items()}


def _npz(arrays: Mapping[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **_plain(arrays))
    return file.getvalue()


def _write_file(folder: Path, kind: str, content: bytes) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    name = f"{digest}.{KINDS[kind]}"
    _replace(folder / name, content)
    return {"file": name, "sha256": digest, "bytes": len(content)}


def _replace(path: Path, content: bytes) -> None:
    """Write beside it, make sure that it is on the disk, then rename: the path holds the old content or the new one."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _read_file(folder: Path, about: Mapping[str, Any]) -> bytes:
    try:
        content = (folder / about["file"]).read_bytes()
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != about["sha256"]:
        raise ExplainerError(
            f"the files of run {folder.name!r} are not those that were saved; delete it and save it again"
        )
    return content


def _forget_old(folder: Path, old: Mapping[str, Any] | None, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Remove the files that only the old manifest named."""
    now = {about["file"] for about in files.values()}
    for about in (old or {"files": {}})["files"].values():
        if about["file"] not in now:
            (folder / about["file"]).unlink(missing_ok=True)
