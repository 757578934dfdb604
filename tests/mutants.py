"""`make mutants`: break one line at a time and run the tests named beside it; a breakage that stays green is reported.

tests/mutants.toml lists the breakages: `file`, the exact text `old`, the text `new`, and the `tests` that must notice.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def mutants() -> list[dict[str, str]]:
    """The recorded breakages."""
    return tomllib.loads((ROOT / "tests/mutants.toml").read_text(encoding="utf-8"))["mutant"]


@contextmanager
def broken(mutant: dict[str, str]) -> Iterator[None]:
    """The tree with this breakage in it, and the file put back as it was afterwards."""
    path = ROOT / mutant["file"]
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace(mutant["old"], mutant["new"]), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(sound, encoding="utf-8")


def noticed(mutant: dict[str, str]) -> bool:
    """Whether the tests turn red (pytest's exit code 1: some failed) with this breakage."""
    with broken(mutant):
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant["tests"].split()]
        return subprocess.run(command, cwd=ROOT, capture_output=True).returncode == 1


def main() -> int:
    survivors = 0
    for mutant in mutants():
        red = noticed(mutant)
        survivors += not red
        print(
            f"{'noticed ' if red else 'SURVIVED'}  {mutant['file']}: {mutant['old'].strip()} -> {mutant['new'].strip()}"
        )
    print(f"{len(mutants()) - survivors} of {len(mutants())} breakages noticed")
    return 1 if survivors else 0


if __name__ == "__main__":
    raise SystemExit(main())
