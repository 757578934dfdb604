"""A table that a visitor brings: the upload, and a menu for each part that a column may play."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from core.contracts import Spec


def columns(
    spec_type: type[Spec],
    read: Callable[[bytes], Any],
    menus: Callable[[Any], Mapping[str, tuple[Sequence[str], int]]],
) -> tuple[Any, ...]:
    """The uploaded table and the column chosen for each part of `menus(table)` (part -> columns, the proposed one's place).

    Nothing before a table is there and every part has its column. `read` raises ExplainerError for what is no table.
    """
    key = f"{spec_type.SLUG}:csv"
    upload = st.file_uploader("A table of your own (CSV)", type=["csv", "tsv", "txt"], key=key, max_upload_size=2)
    if upload is None:
        return ()
    table = read(upload.getvalue())
    with st.grid(3, min_column_width=110):
        chosen = [
            st.selectbox(part, options, index=at, key=f"{key}.{part}") for part, (options, at) in menus(table).items()
        ]
    return () if None in chosen else (table, *chosen)
