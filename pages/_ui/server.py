"""What happens around the pages: warm-up at start, clean-up at the end, and what a visitor reads when a page breaks."""

from __future__ import annotations

import gc
import logging
import secrets
import socket
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

import streamlit as st

from core import jobs
from core.errors import ExplainerError
from core.registry import EXPLAINERS
from pages._ui.cards import picture

log = logging.getLogger("glassnet")


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Behind the first answer: start the workers, import what the pages need, draw the cards. Stop the workers at the end."""
    send_at_once()
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    yield
    jobs.stop()


def send_at_once() -> None:
    """Switch Nagle's algorithm off on every listening socket of this process; accepted connections inherit that.

    asyncio does it for sockets that name TCP as their protocol, which Streamlit's does not: the second half of every small
    answer would wait for the browser's delayed acknowledgement, 40 ms for each of some 180 files of a first visit.
    """
    for listener in gc.get_objects():
        if type(listener) is socket.socket and _speaks_tcp(listener):
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _speaks_tcp(found: socket.socket) -> bool:
    is_open = found.fileno() >= 0
    return is_open and found.type == socket.SOCK_STREAM and found.family in (socket.AF_INET, socket.AF_INET6)


def _warm_up() -> None:
    jobs.start()
    import torch
    import torch.optim

    torch.set_num_threads(1)
    for e in EXPLAINERS:
        import_module(f"core.{e.slug}")
    gc.collect()
    gc.freeze()  # what is imported now lives for ever: no collection needs to walk it again
    for e in EXPLAINERS:
        picture(e.slug)


def say_calmly(problem: Exception) -> bool:
    """Show a user's mistake as its own sentence; log anything else under an id that the visitor can quote."""
    if isinstance(problem, ExplainerError):
        st.error(str(problem), icon=":material/edit_note:")
        return True
    number = secrets.token_hex(3)
    log.error("page failed, id %s", number, exc_info=problem)
    st.error(f"Something broke on our side (id {number}). Your settings are still in the link; reload to go on.")
    return True
