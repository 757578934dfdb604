"""A picture comes in through the widget: read and upright, or refused beside it with the reason."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.data.images import LIMITS, MB
from pages._ui.uploads import plain


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


def gathering() -> None:
    import streamlit as st

    from pages._ui.uploads import own_set

    found = own_set(key="demo", longest=64)
    if found is not None:
        st.session_state["seen"] = found
        st.text(f"{len(found.images)} {found.classes}")


@pytest.fixture
def album() -> AppTest:
    return AppTest.from_function(gathering, default_timeout=30).run()


def zipped(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(name.replace("_", "/") + ".jpg", content)
    return file.getvalue()


def add(album: AppTest, *files: tuple[str, bytes, str]) -> None:
    album.file_uploader[0].set_value(list(files)).run()
    album.button(key="demo.add").click().run()
    assert not album.exception


def test_a_set_grows_from_zips_and_from_files_of_one_class(album: AppTest) -> None:
    assert not album.text
    assert album.button(key="demo.add").disabled
    assert "50 MB a file and 200 MB in all" in album.caption[0].value
    add(album, ("pets.zip", zipped(cat_1=jpeg(20, 20), dog_1=jpeg(20, 30)), "application/zip"))
    assert album.text[0].value == "2 ('cat', 'dog')"
    assert not album.file_uploader[0].value  # empty again
    album.text_input(key="demo.class").set_value("Vögel/東京").run()
    add(album, ("1.jpg", jpeg(90, 20), "image/jpeg"), ("2.jpg", jpeg(20, 20), "image/jpeg"))
    assert album.text[0].value == "4 ('Vögel∕東京', 'cat', 'dog')"
    assert album.session_state["seen"].images[2].shape == (14, 64, 3)


def test_refused_files_are_listed_and_the_rest_goes_on(album: AppTest) -> None:
    add(album, ("a.jpg", jpeg(20, 20), "image/jpeg"), ("b.jpg", b"nothing of use", "image/jpeg"))
    assert album.text[0].value == "1 ('unlabelled',)"
    assert album.expander[0].label == "1 files were refused"
    refused = album.dataframe[0].value
    assert refused["file"].tolist() == ["b.jpg"]
    assert "no picture was found" in refused["reason"][0]


def test_all_pictures_can_be_removed(album: AppTest) -> None:
    add(album, ("a.jpg", jpeg(20, 20), "image/jpeg"))
    album.button(key="demo.clear").click().run()
    assert not album.text


def test_a_photograph_joins_the_class(album: AppTest) -> None:
    album.text_input(key="demo.class").set_value("me").run()
    album.segmented_control(key="demo.from").set_value("camera").run()
    album.camera_input[0].set_value(("shot.jpg", jpeg(64, 48), "image/jpeg")).run()
    album.button(key="demo.add").click().run()
    assert album.text[0].value == "1 ('me',)"


def test_words_of_visitors_stay_words() -> None:
    assert plain("*a* <b> [c](d) $x$") == r"\*a\* \<b\> \[c\]\(d\) \$x\$"
