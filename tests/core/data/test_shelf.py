"""What is kept, and what makes room."""

from core.data.shelf import Newest, Shelf


def test_a_shelf_keeps_the_newest() -> None:
    shelf: Shelf[bytes] = Shelf(bytes.upper, most=2)
    first, second = shelf.keep(b"a"), shelf.keep(b"b")
    assert shelf.keep(b"a") == first
    third = shelf.keep(b"c")
    assert (shelf.get(first), shelf.get(second), shelf.get(third)) == (b"A", None, b"C")


def test_things_make_room_by_their_size_and_the_newest_stays_however_large() -> None:
    kept: Newest[str] = Newest(5, len)
    for name, thing in (("a", "11"), ("b", "222"), ("a", "1")):
        kept.put(name, thing)
    assert (kept.get("a"), kept.get("b")) == ("1", "222")
    kept.put("c", "33")
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ("1", None, "33")
    kept.put("d", "444444")
    assert [kept.get(name) for name in "abcd"] == [None, None, None, "444444"]
