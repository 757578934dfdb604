"""A network whose weights have to be had first: why they are not here, their download as a job, and what is shown until then."""

from __future__ import annotations

import dataclasses
from typing import Any

import streamlit as st

from core.contracts import Spec
from core.convolution.trained import Wanted, fetched, missing
from models import PRETRAINED
from pages._ui import controls, frame, jobs

WAITING = "weights:waiting"


def at_hand(spec: Spec, **fresh: Any) -> Spec:
    """`spec` where the weights of its `network` are here; else the page's first network, with `fresh` settings, below a sentence and a button.

    When the weights arrive, the `fresh` settings are taken too: a layer that was chosen meanwhile is another network's.
    """
    first, why = spec.params()["network"], missing(spec.network)
    waited_for = st.session_state.get(WAITING)
    if offered(spec.network, why and f"{why}. Until they are here, the page shows: {first.options[first.default]}."):
        return dataclasses.replace(spec, network=first.default, **fresh)
    if waited_for == spec.network:
        controls.change(type(spec), **fresh)
        st.rerun()
    return spec


def offered(network: str, why: str) -> bool:
    """Whether the weights of a network are missing. `why` says so ("" if not), and stands above a button that downloads them."""
    waited_for = st.session_state.pop(WAITING, None)
    if not why:
        return False
    if waited_for != network:
        st.session_state.pop(f"{Wanted.SLUG}:job", None)  # what is said there is about another network
    st.session_state[WAITING] = network
    about = PRETRAINED[network]
    st.info(why, icon=":material/download:")
    if not frame.focused():
        jobs.panel(
            fetched,
            Wanted(network=about.name),
            start=f"Download {about.megabytes} MB",
            again="Try again",
            show=_nothing,
        )
    return True


def _nothing(_job: Any) -> None:
    """A download has no picture."""
