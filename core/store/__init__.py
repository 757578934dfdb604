"""Runs on disk: a model's weights, its arrays and what is known of it, kept over a restart of the server.

    root/<id>/manifest.json       format, name, owner, about, and the name, size and SHA-256 of each file
    root/<id>/<sha256>.safetensors, <sha256>.npz

A file is written under the hash of its content before the manifest names it, and the manifest is put in place by one rename. So a
kill at any moment leaves the run as it was or as it should be, never half of it; what such a kill leaves lying is cleared away by
the next save. Nothing is unpickled. One thing at a time is changed, by a lock of this process.

A run belongs to a key that only its owner has; what is stored is the key's hash. The id is random and works like a link: who has it
can load the model, nobody is told the ids of others. The root is `GLASSNET_STORE`, or glassnet/runs in the user's data folder.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import json
import os
import re
import secrets
import shutil
import threading
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
MOST_RUNS, MOST_BYTES, LONGEST_NAME = 40, 700_000_000, 80  # of one owner, of one run, of its name
MOST_STORED = 20_000_000_000  # bytes, of all owners: keys cost nothing, so a limit for each would be none
STALE = 24 * 3600  # seconds after which a folder without a manifest is a save that was killed
KINDS = {"weights": "safetensors", "arrays": "npz"}
NEEDED = {"id", "name", "owner", "saved", "about", "files"}
_changing = threading.RLock()


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
    content = {"weights": pack_tensors(_plain(run.weights)), "arrays": _npz(run.arrays)}
    files = {kind: _named(kind, data) for kind, data in content.items()}
    saved = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    manifest = _text({"format": FORMAT, "id": folder.name, "name": name, "owner": owner, "saved": saved, "about": dict(run.about), "files": files})  # fmt: skip
    with _changing:
        _check_room(folder, owner, sum(map(len, content.values())))
        folder.mkdir(parents=True, exist_ok=True)
        for kind, data in content.items():
            _replace(folder / files[kind]["file"], data)
        _replace(folder / "manifest.json", manifest)
        _clear(folder, {about["file"] for about in files.values()})
    return folder.name


def _check_room(folder: Path, owner: str, size: int) -> None:
    """Refuse a run of another owner, one too many, or one too large."""
    old, others = _manifest(folder), [m for m in _manifests() if m["id"] != folder.name]
    if old is not None and not _same(old["owner"], owner):
        raise ExplainerError("this run belongs to another key; save it under a new name")
    if old is None and sum(_same(m["owner"], owner) for m in others) >= MOST_RUNS:
        raise ExplainerError(f"{MOST_RUNS} runs are kept already, and no more are taken; delete one first")
    if size > MOST_BYTES:
        raise ExplainerError(
            f"the run takes more than {MOST_BYTES // 1_000_000} MB; keep a smaller network, or a probe"
        )
    if size + sum(map(_bytes, others)) > MOST_STORED:
        raise ExplainerError(
            f"this server keeps {MOST_STORED // 1_000_000_000} GB of runs and has no room for another; delete one first"
        )


def load(run_id: str) -> Run:
    """The run with this id.

    Raises:
        ExplainerError: there is no such run, or its files are not those that were saved.
    """
    folder = _folder(run_id)
    manifest, (weights, arrays) = _read(folder, *KINDS)
    try:
        with np.load(io.BytesIO(arrays), allow_pickle=False) as stored:
            return Run(manifest["name"], manifest["about"], read_tensors(weights), dict(stored), folder.name)
    except (SafetensorError, ValueError, OSError):
        raise ExplainerError(f"the files of run {run_id!r} are damaged; delete it and save it again") from None


def weights_file(run_id: str) -> bytes:
    """The safetensors file of a run. Raises ExplainerError as `load` does."""
    return _read(_folder(run_id), "weights")[1][0]


def stamp(run_id: str) -> str:
    """A word that changes when the run is replaced. Raises ExplainerError if there is no such run."""
    manifest = _found(_folder(run_id))
    return f"{manifest['files']['weights']['sha256']} {manifest['saved']}"


def runs(key: str) -> tuple[Entry, ...]:
    """The runs of the owner of `key`, the newest first."""
    owner = _owner(key)
    entries = [Entry(m["id"], m["name"], m["saved"], _bytes(m), m["about"]) for m in _manifests() if _same(m["owner"], owner)]  # fmt: skip
    return tuple(sorted(entries, key=lambda e: (e.saved, e.id), reverse=True))


def rename(run_id: str, name: str, key: str) -> None:
    """Give a run of one's own another name. Raises ExplainerError if it is not one's own, or the name cannot be used."""
    with _changing:
        folder, manifest = _own(run_id, key)
        _replace(folder / "manifest.json", _text({**manifest, "name": _checked_name(name)}))


def delete(run_id: str, key: str) -> None:
    """Remove a run of one's own. Raises ExplainerError if it is not one's own."""
    with _changing:
        folder, _ = _own(run_id, key)
        (folder / "manifest.json").unlink()  # from here on there is no such run
        shutil.rmtree(folder, ignore_errors=True)


def _own(run_id: str, key: str) -> tuple[Path, dict[str, Any]]:
    folder = _folder(run_id)
    manifest = _manifest(folder)
    if manifest is None or not _same(manifest["owner"], _owner(key)):
        raise ExplainerError(f"there is no run {run_id[:40]!r} under this key")
    return folder, manifest


def _same(one: str, other: str) -> bool:
    """Whether two hashes of keys are the same, in a time that does not tell where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


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
    return found if isinstance(found, dict) and found.get("format") == FORMAT and found.keys() >= NEEDED else None


def _manifests() -> list[dict[str, Any]]:
    """Those of all runs of all owners."""
    root = _root()
    found = [_manifest(folder) for folder in root.iterdir()] if root.is_dir() else []
    return [manifest for manifest in found if manifest is not None]


def _bytes(manifest: Mapping[str, Any]) -> int:
    return sum(about["bytes"] for about in manifest["files"].values())


def _text(manifest: Mapping[str, Any]) -> bytes:
    return json.dumps(manifest, ensure_ascii=False, indent=1).encode()


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


def _named(kind: str, content: bytes) -> dict[str, Any]:
    """What the manifest says of a file."""
    digest = hashlib.sha256(content).hexdigest()
    return {"file": f"{digest}.{KINDS[kind]}", "sha256": digest, "bytes": len(content)}


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


def _read(folder: Path, *kinds: str) -> tuple[dict[str, Any], list[bytes]]:
    """Manifest and files of a run; where it is replaced meanwhile, those of the new one."""
    manifest = _found(folder)
    while True:
        found = [_checked_file(folder, manifest["files"][kind]) for kind in kinds]
        if None not in found:
            return manifest, found
        newer = _found(folder)
        if newer == manifest:
            raise ExplainerError(
                f"the files of run {folder.name!r} are not those that were saved; delete it and save it again"
            )
        manifest = newer


def _checked_file(folder: Path, about: Mapping[str, Any]) -> bytes | None:
    """The content of a file if it is the one that was saved."""
    try:
        content = (folder / about["file"]).read_bytes()
    except OSError:
        return None
    return content if hashlib.sha256(content).hexdigest() == about["sha256"] else None


def _clear(folder: Path, named: set[str]) -> None:
    """Remove what the manifest of this run does not name, and the folders of other saves that were killed long ago."""
    for path in folder.iterdir():
        if path.name not in named | {"manifest.json"}:
            path.unlink(missing_ok=True)
    for other in _root().iterdir():
        if (
            ID.fullmatch(other.name)
            and not (other / "manifest.json").exists()
            and time.time() - other.stat().st_mtime > STALE
        ):
            shutil.rmtree(other, ignore_errors=True)
