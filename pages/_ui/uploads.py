"""Pictures from the visitor: one, or a whole set with classes; checked before anything else sees them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.data.image_sets import joined, keep, kept, relabelled
from core.data.images import LIMITS, MB, UNLABELLED, ImageSet, from_ink, read_image, read_images
from core.errors import ExplainerError
from pages._ui.pad import drawing_pad

TYPES = ("png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff")
KINDS = "PNG, JPEG, GIF, WebP, BMP or TIFF"
FROM = {"file": ":material/upload_file: File", "camera": ":material/photo_camera: Camera"}
SET_FROM = {
    "file": ":material/upload_file: Files",
    **{k: v for k, v in FROM.items() if k != "file"},
    "pad": ":material/draw: Drawing pad",
}
PAPER = "The picture goes to the computer that runs Glassnet, and is kept in its memory only."


@dataclass(frozen=True, eq=False)
class Brought:
    """A picture that was read: its file's name and (height, width, 3) bytes, right side up."""

    name: str
    pixels: np.ndarray


def own_picture(*, key: str, label: str = "A picture of your own", longest: int = 1024) -> Brought | None:
    """Let the visitor choose a file or take a photograph; None until there is one that can be used.

    A picture that cannot be used is refused beside the widget, with the reason. Its longer side is at most `longest` pixels.
    """
    source = st.segmented_control(label, FROM, format_func=FROM.get, default="file", required=True, key=f"{key}.from")
    if source == "camera":  # the browser asks for leave to use it, so it is mounted only when wanted
        given = st.camera_input("Take a picture", key=f"{key}.camera", label_visibility="collapsed")
    else:
        given = st.file_uploader(
            f"{KINDS}; up to {LIMITS.file // MB} MB and {LIMITS.pixels // 1_000_000} megapixels",
            type=TYPES,
            key=f"{key}.file",
            max_upload_size=LIMITS.file // MB,
        )
    if given is None:
        st.caption(PAPER)
        return None
    try:
        return Brought(given.name, checked(given.name, given.getvalue(), longest))
    except ExplainerError as problem:
        st.error(str(problem))
        return None


@st.cache_data(max_entries=16, show_spinner=False)
def checked(name: str, content: bytes, longest: int) -> np.ndarray:
    """The picture of a file, read once for all reruns."""
    return read_image(name, content, longest=longest)


def own_set(*, key: str, longest: int = 256) -> ImageSet | None:
    """Let the visitor gather a set: zips with class folders, several files for each class, the camera, the drawing pad.

    The set stays in this session (and under its digest in `core.data.image_sets.kept`); None while it has no picture. Each refused
    file is listed with its reason. Classes can be renamed, and single pictures put into another class or left out.
    """
    found = kept(st.session_state.get(f"{key}:set", ""))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        source = st.segmented_control(
            "Add pictures", SET_FROM, format_func=SET_FROM.get, default="file", required=True, key=f"{key}.from"
        )
        word = st.text_input(
            "Class of these pictures", key=f"{key}.class", max_chars=60, placeholder="such as cat",
            help="For pictures that lie in no folder. In a zip, the folder that a picture lies in is its class.",
        )  # fmt: skip
    given = _given(source, key)
    with st.container(horizontal=True):
        st.button("Add", type="primary", icon=":material/add:", key=f"{key}.add", disabled=not given, on_click=_add, args=(key, given, word, longest))  # fmt: skip
        st.button("Remove all", key=f"{key}.clear", disabled=found is None, on_click=_forget, args=(key,))
    if found is None:
        st.caption(
            f"{LIMITS.words()} {PAPER.replace('The picture goes', 'Pictures go').replace('is kept', 'are kept')}"
        )
        return None
    if found.rejected:
        with st.expander(f"{len(found.rejected):,} files were refused", icon=":material/block:"):
            st.dataframe([{"file": n, "reason": r} for n, r in found.rejected], hide_index=True, key=f"{key}.refused")
    if found.images:
        _corrected(found, key)
    return found if found.images else None


def _given(source: str, key: str) -> list[tuple[str, bytes | np.ndarray]]:
    """What the widget of this source holds: (name, content), or (name, pixels) from the pad."""
    turn = st.session_state.get(f"{key}:turn", 0)  # a new key empties the widget after its pictures were added
    if source == "pad":
        ink = drawing_pad(key=f"{key}.pad.{turn}", label="Draw a picture of this class")
        return [] if ink is None else [(f"drawing {turn + 1}", from_ink(ink))]
    if source == "camera":
        shot = st.camera_input("Take a picture", key=f"{key}.camera.{turn}", label_visibility="collapsed")
        return [] if shot is None else [(f"photograph {turn + 1}", shot.getvalue())]
    files = st.file_uploader(
        f"A zip with a folder for each class, or pictures of one class ({KINDS})",
        type=("zip", *TYPES),
        accept_multiple_files=True,
        key=f"{key}.files.{turn}",
        max_upload_size=LIMITS.file // MB,
    )
    return [(file.name, file.getvalue()) for file in files]


def _add(key: str, given: list[tuple[str, bytes | np.ndarray]], word: str, longest: int) -> None:
    """In a callback: read what was given, add it to the set, empty the widget."""
    folder = word.replace("/", "∕").replace("\\", "∕").strip()  # a class name is one folder, also with a slash in it
    place = f"{folder}/" if folder else ""
    files = [(n if n.lower().endswith(".zip") else place + n, c) for n, c in given if isinstance(c, bytes)]
    new = read_images(files, longest=longest)
    if sketches := [(place + name, pixels) for name, pixels in given if isinstance(pixels, np.ndarray)]:
        names, pixels = zip(*sketches, strict=True)
        new = ImageSet(pixels, np.zeros(len(pixels), np.int64), (folder or UNLABELLED,), names)
    old = kept(st.session_state.get(f"{key}:set", ""))
    st.session_state[f"{key}:set"] = keep(new if old is None else joined(old, new))
    st.session_state[f"{key}:turn"] = st.session_state.get(f"{key}:turn", 0) + 1


def _forget(key: str) -> None:
    st.session_state.pop(f"{key}:set", None)
    st.session_state[f"{key}:turn"] = st.session_state.get(f"{key}:turn", 0) + 1


def _corrected(found: ImageSet, key: str) -> None:
    """A table of the pictures in which each class name can be changed; an empty one leaves the picture out."""
    counts = np.bincount(found.labels, minlength=len(found.classes))
    listed = ", ".join(f"{name} {count:,}" for name, count in zip(found.classes, counts, strict=True))
    st.markdown(f"**{len(found.images):,} pictures:** {plain(listed)}")
    with st.expander("Correct the labels", icon=":material/label:"):
        rows = [{"file": n, "class": found.classes[k]} for n, k in zip(found.names, found.labels, strict=True)]
        table = f"{key}.labels.{found.digest}"
        edited = st.data_editor(rows, hide_index=True, disabled=["file"], key=table, height=260)
        words = [row["class"] or "" for row in edited]
        st.caption("A picture whose class is left empty is taken out of the set.")
        if words != [row["class"] for row in rows] and st.button("Apply", key=f"{key}.apply"):
            st.session_state[f"{key}:set"] = keep(relabelled(found, words))
            st.rerun()


def plain(text: str) -> str:
    """A visitor's words in Markdown, as they are."""
    return re.sub(r"([\\`*_{}\[\]()#+\-.!|<>$~:])", r"\\\1", text)
