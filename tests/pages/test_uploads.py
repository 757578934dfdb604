"""A picture comes in through the widget: read and upright, or refused beside it with the reason."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.images import LIMITS, MB


def page() -> None:
    import streamlit as st

    from pages._ui.uploads import own_picture

    given = own_picture(key="demo", longest=64)
    if given is not None:
        st.session_state["seen"] = given
        st.text(f"{given.name} {given.pixels.shape}")


@pytest.fixture
def opened() -> AppTest:
    return AppTest.from_function(page, default_timeout=30).run()


def jpeg(width: int, height: int, orientation: int = 1) -> bytes:
    pixels = np.full((height, width, 3), 40, np.uint8)
    pixels[:, : width // 2] = 220
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=95, exif=exif)
    return file.getvalue()


def test_nothing_is_there_at_first_and_the_limits_are_said(opened: AppTest) -> None:
    assert not opened.exception
    assert not opened.text
    label = opened.file_uploader[0].label
    assert f"{LIMITS.file // MB} MB" in label
    assert "40 megapixels" in label
    assert not opened.camera_input  # the camera is asked for only when it is wanted


def test_a_file_comes_in_reduced_and_upright(opened: AppTest) -> None:
    opened.file_uploader[0].set_value(("photo.jpg", jpeg(160, 80, orientation=6), "image/jpeg")).run()
    assert opened.text[0].value == "photo.jpg (64, 32, 3)"
    upright = opened.session_state["seen"].pixels
    assert upright[:30].mean() > 200  # what was left is above: the camera was turned by a quarter
    assert upright[34:].mean() < 60


def test_a_bad_file_is_refused_beside_the_widget(opened: AppTest) -> None:
    opened.file_uploader[0].set_value(("notes.png", b"no picture at all", "image/png")).run()
    assert not opened.exception
    assert not opened.text
    assert "notes.png: no picture was found in it" in opened.error[0].value
    opened.file_uploader[0].set_value(("good.jpg", jpeg(20, 20), "image/jpeg")).run()
    assert not opened.error
    assert opened.text[0].value == "good.jpg (20, 20, 3)"


def test_the_camera_gives_a_picture_too(opened: AppTest) -> None:
    opened.segmented_control(key="demo.from").set_value("camera").run()
    assert not opened.file_uploader
    opened.camera_input[0].set_value(("shot.jpg", jpeg(64, 48), "image/jpeg")).run()
    assert opened.text[0].value == "shot.jpg (48, 64, 3)"
