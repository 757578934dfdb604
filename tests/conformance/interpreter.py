"""Runs scripts one after another, each in a process of its own that begins where `import numpy, torch` ends.

Importing torch costs seconds, which every exported script would pay: so one interpreter imports it, and a copy (fork) of it runs
each script, isolated from the project as by `python -I`, with warnings as errors.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import warnings
from pathlib import Path


class Interpreter:
    """`run(path)` gives exit status, output and complaints of a script."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-W", "error", __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, path: Path) -> tuple[int, str, str]:
        self.process.stdin.write(json.dumps(str(path)) + "\n")
        self.process.stdin.flush()
        status = int(self.process.stdout.readline())
        out, err = (path.with_suffix(suffix).read_text(encoding="utf-8") for suffix in (".out", ".err"))
        return status, out, err

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self.process.stdout.close()


def serve() -> None:
    """Answer every path on standard input with the exit status of its script."""
    import numpy  # noqa: F401
    import torch  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            execute(Path(json.loads(line)))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


def execute(path: Path) -> None:
    """Run the script in its own folder and end this process as it ends."""
    os.chdir(path.parent)
    for stream, suffix in ((1, ".out"), (2, ".err")):
        os.dup2(os.open(path.with_suffix(suffix), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    status = 1
    try:
        runpy.run_path(str(path), run_name="__main__")
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    warnings.simplefilter("error")
    serve()
