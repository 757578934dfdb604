"""One picture from the visitor, as a file or from the camera, checked before anything else sees it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from core.data.images import LIMITS, MB, read_image
from core.errors import ExplainerError

TYPES = ("png", "jpg", "jpeg", "gif", "webp", "bmp", "tif", "tiff")
KINDS = "PNG, JPEG, GIF, WebP, BMP or TIFF"
FROM = {"file": ":material/upload_file: File", "camera": ":material/photo_camera: Camera"}


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
        st.caption("The picture goes to the computer that runs Glassnet, and is kept in its memory only.")
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
