"""Pictures of every kind, sound and hostile: shown right side up, or refused in words."""

from __future__ import annotations

import io
import stat
import struct
import tracemalloc
import zipfile
import zlib
from collections.abc import Mapping

import numpy as np
import pytest
from PIL import Image

from core.data.images import MB, Limits, class_of, eight_bits, from_ink, limits_of, read_image, read_images
from core.errors import ExplainerError
from tests.samples import sample


def encoded(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options) -> bytes:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def packed(entries: Mapping[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


RED = np.full((4, 6, 3), (255, 0, 0), np.uint8)
PNG = encoded(RED)


# One picture


def test_pixels_come_back_as_they_were():
    pixels = noise(20, 30)
    for kind in ("PNG", "BMP", "TIFF"):
        np.testing.assert_array_equal(read_image("a", encoded(pixels, kind)), pixels)
    np.testing.assert_array_equal(read_image("a", encoded(pixels, "WEBP", lossless=True)), pixels)


UPRIGHT = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20  # no symmetry
CAMERA = {  # EXIF orientation -> how the upright picture is stored (CIPA DC-008, Exif 2.32, tag 274)
    1: UPRIGHT,
    2: UPRIGHT[:, ::-1],
    3: UPRIGHT[::-1, ::-1],
    4: UPRIGHT[::-1],
    5: UPRIGHT.T,
    6: np.rot90(UPRIGHT, 1),
    7: UPRIGHT[::-1, ::-1].T,
    8: np.rot90(UPRIGHT, -1),
}


@pytest.mark.parametrize("orientation", CAMERA)
@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_all_eight_orientations_come_upright(orientation: int, kind: str):
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = np.repeat(np.ascontiguousarray(CAMERA[orientation])[..., None], 3, axis=2)
    lossless = {"lossless": True} if kind == "WEBP" else {}
    seen = read_image("a", encoded(stored, kind, exif=exif, **lossless))
    np.testing.assert_array_equal(seen[..., 0], UPRIGHT)


def test_transparency_lies_on_white():
    pixels = np.zeros((1, 3, 4), np.uint8)
    pixels[0] = [(200, 0, 0, 0), (200, 0, 0, 255), (0, 0, 0, 51)]
    np.testing.assert_array_equal(read_image("a", encoded(pixels))[0], [(255,) * 3, (200, 0, 0), (204,) * 3])
    grey = Image.merge("LA", (Image.new("L", (1, 1), 0), Image.new("L", (1, 1), 0)))
    assert read_image("a", encoded(grey)).tolist() == [[[255, 255, 255]]]


def test_grey_one_bit_palette_and_cmyk():
    assert read_image("a", encoded(Image.new("L", (1, 1), 77))).tolist() == [[[77] * 3]]
    assert read_image("a", encoded(Image.new("1", (1, 1), 1))).tolist() == [[[255] * 3]]
    palette = Image.fromarray(RED).convert("P")
    np.testing.assert_array_equal(read_image("a", encoded(palette)), RED)
    clear = Image.new("P", (2, 1), 0)
    clear.putpalette([10, 20, 30, 40, 50, 60])
    clear.putpixel((1, 0), 1)
    assert read_image("a", encoded(clear, transparency=0)).tolist() == [[[255] * 3, [40, 50, 60]]]
    cmyk = Image.new("CMYK", (8, 8), (0, 255, 255, 0))  # no cyan, all magenta and yellow: red
    seen = read_image("a", encoded(cmyk, "JPEG", quality=95))
    assert np.abs(seen.astype(int) - (255, 0, 0)).max() <= 3


def test_sixteen_bits_and_fractions():
    ramp = np.array([[0, 257, 65_535]], np.uint16)
    assert read_image("a", encoded(Image.fromarray(ramp)))[0, :, 0].tolist() == [0, 1, 255]
    twelve = np.array([[0, 2048, 4095]], np.uint16)
    assert read_image("a", encoded(Image.fromarray(twelve), "TIFF"))[0, :, 0].tolist() == [0, 128, 255]
    fractions = np.array([[0.0, 0.5, 1.0, np.nan]], np.float32)
    assert read_image("a", encoded(Image.fromarray(fractions), "TIFF"))[0, :, 0].tolist() == [0, 128, 255, 0]
    assert eight_bits(np.array([[-5.0, 0.0, 5.0]])).tolist() == [[0, 128, 255]]
    assert eight_bits(np.array([[0, 1_000_000]])).tolist() == [[0, 255]]
    assert eight_bits(np.zeros((1, 2))).tolist() == [[0, 0]]


def test_the_first_frame_of_an_animation():
    frames = [Image.new("RGB", (3, 2), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG"):
        content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
        assert read_image("a", content).tolist() == [[[255, 0, 0]] * 3] * 2


def test_large_ones_are_reduced_and_small_ones_left():
    assert read_image("a", PNG, longest=6).shape == (4, 6, 3)
    assert read_image("a", encoded(noise(100, 300)), longest=60).shape == (20, 60, 3)
    assert read_image("a", encoded(noise(300, 100), "JPEG"), longest=60).shape == (60, 20, 3)
    assert read_image("a", encoded(noise(1, 1))).shape == (1, 1, 3)
    assert read_image("a", encoded(Image.new("L", (20_000, 50)))).shape == (3, 1024, 3)


BOMB = struct.pack(">IIBBBBB", 20_000, 20_000, 8, 2, 0, 0, 0)  # a header that claims 400 million pixels


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


BAD = {
    "nothing": (b"", "empty"),
    "text": (b"This is a letter, not a picture.", "no picture was found"),
    "a zip": (packed({"a": b"x"}), "no picture was found"),
    "half a PNG": (encoded(noise(64, 64))[:3000], "damaged or cut off"),
    "half a JPEG": (encoded(noise(64, 64), "JPEG")[:1500], "damaged or cut off"),
    "a bomb": (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", BOMB) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)), "more"),
    "20,000 wide": (encoded(Image.new("1", (20_000, 3000))), "20,000 x 3,000"),
    "a vector picture": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "no picture was found"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture was found"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_used_is_refused_with_its_name_and_a_reason(kind: str):
    content, words = BAD[kind]
    with pytest.raises(ExplainerError, match=f"^photo.png: .*{words}"):
        read_image("photo.png", content)


def test_a_heavy_file_is_refused_before_it_is_opened():
    with pytest.raises(ExplainerError, match="allowed are 0 MB"):
        read_image("a.png", PNG, limits=Limits(file=len(PNG) - 1))
    assert read_image("a.png", PNG, limits=Limits(file=len(PNG))).shape == (4, 6, 3)


def test_pixels_are_counted_to_the_last():
    assert read_image("a.png", PNG, limits=Limits(pixels=24)).shape == (4, 6, 3)
    with pytest.raises(ExplainerError, match="6 x 4 are more than the allowed 23"):
        read_image("a.png", PNG, limits=Limits(pixels=23))


def test_damaged_metadata_does_not_hide_sound_pixels():
    content = encoded(noise(16, 16), "JPEG", exif=b"Exif\0\0not at all")
    assert read_image("a.jpg", content).shape == (16, 16, 3)


# Many pictures


def test_folders_are_classes():
    given = [("dogs/2.png", PNG), ("pets/Katzen/1.png", PNG), ("loose.png", PNG)]
    found = read_images([*given, ("more.zip", packed({"dogs/3.png": PNG, "a\\Vögel\\4.png": PNG}))])
    assert found.classes == ("Katzen", "Vögel", "dogs", "unlabelled")
    assert [found.classes[k] for k in found.labels] == ["dogs", "Katzen", "unlabelled", "dogs", "Vögel"]
    assert found.names[3:] == ("more.zip: dogs/3.png", "more.zip: a\\Vögel\\4.png")
    assert all((image == RED).all() for image in found.images)
    assert found.rejected == ()


def test_class_names_of_any_script_are_brought_to_one_spelling():
    assert class_of("Ko\u0308ln/a.png") == class_of("K\u00f6ln/a.png") == "Köln"
    assert class_of("東京/a.png") == "東京"


def test_old_zip_programs_that_hide_their_utf8():
    raw = packed({"Xtzen/1.png": PNG, "dogs/2.png": PNG})
    hidden = raw.replace(b"Xtzen", "üzen".encode())  # the flag for UTF-8 stays off
    assert read_images([("a.zip", hidden)]).classes == ("dogs", "üzen")


def test_no_file_gives_an_empty_set():
    found = read_images([])
    assert (found.images, found.labels.shape, found.classes, found.rejected) == ((), (0,), (), ())


def refusals(entries: Mapping[str, bytes], **limits: int) -> dict[str, str]:
    """The reasons by entry; a good picture beside them is always read."""
    found = read_images([("a.zip", packed({**entries, "ok/ok.png": PNG}))], limits=Limits(**limits))
    assert found.classes[-1:] == ("ok",)
    return {name.removeprefix("a.zip: "): reason for name, reason in found.rejected}


def test_paths_that_lead_out_are_refused_and_the_rest_goes_on():
    bad = ["../up.png", "a/../../up.png", "/etc/up.png", "C:\\up.png", "..\\up.png", "\\\\host\\up.png"]
    found = refusals(dict.fromkeys(bad, PNG))
    assert set(found) == set(bad)
    assert all("path" in reason for reason in found.values())


def test_links_are_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("cats/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
        pipe = zipfile.ZipInfo("cats/pipe.png")
        pipe.external_attr = stat.S_IFIFO << 16
        archive.writestr(pipe, "")
        archive.writestr("cats/1.png", PNG)
    found = read_images([("a.zip", file.getvalue())])
    assert len(found.images) == 1
    assert [reason[:9] for _, reason in found.rejected] == ["it is a l", "it is no "]


def test_archives_in_archives_are_refused():
    found = refusals({"x/inner.zip": packed({"1.png": PNG}), "x/inner.tar.gz": b"\x1f\x8b", "x/other.png": packed({})})
    assert "archive inside an archive" in found["x/inner.zip"]
    assert "archive inside an archive" in found["x/inner.tar.gz"]
    assert "no picture" in found["x/other.png"]


def test_other_files_are_listed_and_system_notes_are_not():
    found = refusals({"cats/readme.txt": b"hello", "cats/.DS_Store": b"\0", "__MACOSX/cats/._1.png": b"\0", "Thumbs.db": b"\0"})  # fmt: skip
    assert set(found) == {"cats/readme.txt"}


def test_a_zip_bomb_is_refused_unopened_and_memory_stays_flat():
    bomb = packed({"cats/1.png": bytes(40 * MB)}, zipfile.ZIP_DEFLATED)
    assert len(bomb) < 100_000
    tracemalloc.start()
    found = read_images([("bomb.zip", bomb)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "times as large" in dict(found.rejected)["bomb.zip"]
    assert peak < 5 * MB


def test_one_entry_that_unpacks_too_far_is_refused_alone():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a/flat.bmp", encoded(Image.new("RGB", (300, 300)), "BMP"), zipfile.ZIP_DEFLATED)
        archive.writestr("a/noise.png", encoded(noise(40, 40)))
    found = read_images([("a.zip", file.getvalue())])
    assert found.names == ("a.zip: a/noise.png",)
    assert "100 times" in found.rejected[0][1]


def test_an_entry_that_lies_about_its_size_is_refused():
    honest = packed({"a/1.png": encoded(noise(50, 50)), "b/2.png": PNG}, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        true = archive.getinfo("a/1.png").file_size
    lying = honest.replace(struct.pack("<I", true), struct.pack("<I", true - 100))
    found = read_images([("a.zip", lying)])
    assert found.names == ("a.zip: b/2.png",)
    assert "damaged" in found.rejected[0][1]


def test_ten_thousand_files_are_refused():
    found = read_images([("many.zip", packed({f"a/{k}.png": b"" for k in range(10_000)}))])
    assert found.rejected == (("many.zip", "it holds 10,000 files, allowed are 4,000; split it or leave some out"),)


def test_a_table_of_contents_without_end_is_not_even_read():
    content = packed({"a/1.png": PNG})
    end = content.rfind(b"PK\5\6")
    forged = content[: end + 12] + struct.pack("<I", 2**31) + content[end + 16 :]
    assert "far more files" in read_images([("a.zip", forged)]).rejected[0][1]


BROKEN = {
    "no zip": b"hello",
    "nothing": b"",
    "cut": packed({"a/1.png": PNG})[:-30],
    "no table": b"\0" * 100 + packed({"a/1.png": PNG})[-22:],
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_archives_are_refused(kind: str):
    found = read_images([("a.zip", BROKEN[kind]), ("b.png", PNG)])
    assert len(found.images) == 1
    assert len(found.rejected) == 1
    assert "pack the pictures again" in found.rejected[0][1]


def test_an_empty_archive_says_what_belongs_into_it():
    assert "a folder of pictures for each class" in read_images([("a.zip", packed({}))]).rejected[0][1]


def test_a_locked_entry_is_refused():
    content = bytearray(packed({"a/1.png": PNG, "b/2.png": PNG}))
    content[content.find(b"PK\1\2") + 8] |= 1  # the flag "encrypted" in the table of contents
    found = read_images([("a.zip", bytes(content))])
    assert "password" in found.rejected[0][1]
    assert len(found.images) == 1


def test_a_pickled_model_is_refused():
    model = packed({"archive/data.pkl": b"\x80\x02cos\nsystem\n.", "archive/data/0": b"\0" * 16})
    found = read_images([("model.pt", model), ("model.zip", model)])
    assert found.images == ()
    assert [name for name, _ in found.rejected] == [
        "model.pt",
        "model.zip: archive/data.pkl",
        "model.zip: archive/data/0",
    ]
    assert all("no picture" in reason for _, reason in found.rejected)


def test_bytes_and_pictures_are_counted_over_all_files():
    files = [(f"{k}.png", PNG) for k in range(5)]
    found = read_images(files, limits=Limits(pictures=3))
    assert len(found.images) == 3
    assert [name for name, _ in found.rejected] == ["3.png", "4.png"]
    found = read_images(files, limits=Limits(total=2 * len(PNG)))
    assert len(found.images) == 2
    assert "all files together" in found.rejected[0][1]
    archive = packed(dict(files))
    found = read_images(
        [("a.zip", archive)], limits=Limits(total=len(archive))
    )  # packed and unpacked are counted apart
    assert len(found.images) == 5
    both = [("a.zip", archive), ("b.zip", archive)]
    found = read_images(both, limits=Limits(total=2 * len(archive) - 1))
    assert [name for name, _ in found.rejected] == ["b.zip"]
    squeezed = packed({f"{k}.bmp": encoded(noise(1, 1000, k) // 64, "BMP") for k in range(4)}, zipfile.ZIP_DEFLATED)
    found = read_images([("a.zip", squeezed)], limits=Limits(total=2 * 3054))  # unpacked, two are all that fit
    assert len(found.images) == 2


# Real odd files

REFUSED = {"truncated_jpeg.jpg", "truncated_image.png", "broken_data_stream.png", "decompression_bomb.gif"}


def test_a_folder_of_odd_files():
    folder = sample("odd-images")
    files = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())]
    found = read_images(files)
    assert {name for name, _ in found.rejected} == REFUSED
    assert len(found.images) == len(files) - len(REFUSED)
    seen = dict(zip(found.names, found.images, strict=True))
    upright = seen["hopper.jpg"].astype(int)
    for orientation in (2, 3, 6, 8):
        turned = seen[f"hopper_orientation_{orientation}.jpg"].astype(int)
        assert np.abs(turned - upright).mean() < 8  # compressed anew, so not to the last bit
    assert np.abs(seen["hopper.webp"].astype(int) - upright).mean() < 4


# Memory and settings


def test_pictures_that_need_too_much_memory_are_halved_together():
    files = [(f"a/{k}.png", encoded(noise(64, 48, k))) for k in range(6)]
    one = 64 * 48 * 3
    assert {i.shape for i in read_images(files, limits=Limits(held=6 * one)).images} == {(64, 48, 3)}
    found = read_images([*files, ("a/small.png", PNG)], limits=Limits(held=3 * one), longest=64)
    assert {i.shape for i in found.images} == {(32, 24, 3), (4, 6, 3)}
    assert found.rejected == ()


def test_memory_stays_flat_over_many_large_pictures():
    content = encoded(noise(256, 256), "JPEG")
    tracemalloc.start()
    found = read_images([(f"a/{k}.jpg", content) for k in range(60)], limits=Limits(held=3 * MB))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(found.images) == 60
    assert sum(i.nbytes for i in found.images) <= 3 * MB
    assert peak < 8 * MB


def test_wide_values_are_scaled_by_the_whole_picture_not_by_a_band():
    ramp = np.arange(300, dtype=np.float64)[:, None] - 100
    np.testing.assert_array_equal(eight_bits(ramp), np.rint((ramp + 100) * 255 / 299))


def test_limits_come_from_the_settings():
    assert limits_of({}) == Limits()
    assert limits_of({"GLASSNET_UPLOAD_FILE": "5", "GLASSNET_UPLOAD_TOTAL": "20"}) == Limits(file=5 * MB, total=20 * MB)
    for bad in ("x", "0", "-1", "1.5"):
        with pytest.raises(ExplainerError, match=r"GLASSNET_UPLOAD_FILE is .* whole number of MB"):
            limits_of({"GLASSNET_UPLOAD_FILE": bad})


def test_the_digest_tells_pictures_and_labels():
    one, two = read_images([("a/1.png", PNG)]), read_images([("b/1.png", PNG)])
    assert one.digest == read_images([("a/other.png", PNG)]).digest
    assert one.digest != two.digest
    assert len(one.digest) == 32


def test_ink_becomes_light_on_dark():
    assert from_ink(np.array([[0.0, 0.5, 1.0]])).tolist() == [[[0] * 3, [128] * 3, [255] * 3]]
