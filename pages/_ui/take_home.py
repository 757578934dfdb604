"""A trained model to take along, to keep, and to ask over HTTP: downloads, the list of one's own runs, and the lines to type.

The owner's key lives in the browser's address of this session only: it is shown on demand, and whoever has it can list the runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from core import store
from core.errors import ExplainerError
from pages._ui import frame

KEY = "key"  # the name of the owner's key in the address


def owner() -> str:
    """The key of this visitor: from the address, else a new one for this session."""
    given = st.query_params.get(KEY, "")
    if len(given) >= 16:
        st.session_state["models:key"] = given[:100]
    return st.session_state.setdefault("models:key", store.new_key())


def shelf(
    slug: str,
    files: Callable[[], Mapping[str, Any]],
    made: Callable[[str], store.Run],
    lines: Callable[[str, str], Mapping[str, str]],
) -> None:
    """Downloads of the model on screen (name -> make, kind, check, of which run), its place on the server, and the models kept so far."""
    st.subheader("The model on screen, to take along", anchor=False)
    _downloads(slug, files())
    st.subheader("Keep it on this server", anchor=False)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", "My model", key=f"{slug}:save.name", max_chars=store.LONGEST_NAME)
        if st.button("Save", icon=":material/save:", key=f"{slug}:save"):
            with frame.plainly():
                st.session_state["models:newest"] = store.save(made(name), owner())
    with frame.plainly():
        _kept(slug, lines)


def _downloads(slug: str, files: Mapping[str, Any]) -> None:
    """A button for each file; one is made when it is asked for, and tried if it can be; what cannot be made says why."""
    name = st.selectbox("File", list(files), key=f"{slug}:file")
    make, kind, check, of = files[name]
    if st.button("Make the file", icon=":material/build:", key=f"{slug}:make"):
        with frame.plainly(), st.spinner("The file is made ..."):
            content = make()
            st.session_state[f"{slug}:made"] = ((name, of), content, check(content) if check else "")
    done = st.session_state.get(f"{slug}:made")
    if done is not None and done[0] == (name, of):  # of another run there may be a file of the same name
        st.download_button(f"Download {name}", done[1], name, kind, on_click="ignore", key=f"{slug}:download")
        if done[2]:
            st.caption(done[2])


def _kept(slug: str, lines: Callable[[str, str], Mapping[str, str]]) -> None:
    """The visitor's runs: compare, ask, rename, delete."""
    entries = store.runs(owner())
    if not entries:
        st.caption("Nothing is kept yet. What you save stays on the computer that runs Glassnet until you delete it.")
        return
    rows = [
        {"name": e.name, "saved": e.saved, "backbone": e.about.get("backbone"), "strategy": e.about.get("strategy"), "validation accuracy": e.about.get("val_accuracy"), "MB": round(e.bytes / 1e6, 2), "id": e.id}
        for e in entries
    ]  # fmt: skip
    st.dataframe(rows, hide_index=True, key=f"{slug}:kept")
    ids = [e.id for e in entries]
    newest = st.session_state.get("models:newest")
    chosen = st.selectbox("Model", ids, index=ids.index(newest) if newest in ids else 0, format_func={e.id: e.name for e in entries}.get, key=f"{slug}:chosen")  # fmt: skip
    _change(slug, chosen)
    st.markdown("Ask it over HTTP, from any program on this network:")
    for language, text in lines(_address(), chosen).items():
        st.code(text, language="bash" if language == "curl" else language)
    st.caption("The interface describes itself at /api/docs. With a token set on the server, add the header Authorization: Bearer <token>.")  # fmt: skip
    with st.popover("Find these models again", icon=":material/key:"):
        st.markdown("Keep this key. On this page's address, `?key=...` brings your models back; whoever has it can list and delete them.")  # fmt: skip
        st.code(owner(), language=None)


def _change(slug: str, chosen: str) -> None:
    def rename() -> None:
        _try(lambda: store.rename(chosen, st.session_state[f"{slug}:rename.to"], owner()))

    def delete() -> None:
        _try(lambda: store.delete(chosen, owner()))

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input("New name", key=f"{slug}:rename.to", max_chars=store.LONGEST_NAME)
        st.button("Rename", key=f"{slug}:rename", on_click=rename)
        st.button("Delete", icon=":material/delete:", key=f"{slug}:delete", on_click=delete)
        st.download_button("Weights", lambda: store.weights_file(chosen), f"{chosen}.safetensors", "application/octet-stream", on_click="ignore", key=f"{slug}:weights")  # fmt: skip
    if problem := st.session_state.pop("models:problem", None):
        st.error(problem, icon=":material/edit_note:")


def _try(act: Callable[[], None]) -> None:
    try:
        act()
    except ExplainerError as problem:
        st.session_state["models:problem"] = str(problem)


def _address() -> str:
    """The server's address as the visitor's browser knows it."""
    host = st.context.headers.get("Host", "localhost:8501")
    return f"{'https' if (st.context.url or '').startswith('https') else 'http'}://{host}"
