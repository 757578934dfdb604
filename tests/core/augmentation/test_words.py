"""Changed sentences: what goes and comes is marked so that both sentences can be read off it; risky words are noticed."""

from __future__ import annotations

import numpy as np
import pytest

from core.augmentation.words import (
    KINDS,
    SYNONYMS,
    deleted,
    difference,
    draw,
    dressed,
    inserted,
    replaced,
    risk,
    swapped,
    synonyms,
    tokens,
)

TEXT = "The film was not boring: a great story, funny scenes and a surprising ending."


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_marks_hold_both_sentences(kind: str, p: float):
    g = np.random.default_rng(0)
    for _ in range(20):
        one = draw(TEXT, kind, p, g)
        assert " ".join(w for k, w in one.marks if k != "new") == TEXT
        assert " ".join(w for k, w in one.marks if k != "gone") == one.text
        if p == 0:
            assert (one.text, one.risk) == (TEXT, "")


def test_each_kind_does_what_its_name_says():
    g, words = np.random.default_rng(1), tokens(TEXT)
    assert sorted(swapped(words, 1.0, g)) == sorted(words)
    assert len(deleted(words, 1.0, g)) == 1
    assert set(deleted(words, 0.5, g)) <= set(words)
    grown = inserted(words, 1.0, g)
    assert len(grown) == len(words) + sum(bool(synonyms(w)) for w in words)
    new = replaced(words, 1.0, g)
    assert all((a == b) != bool(synonyms(a)) for a, b in zip(words, new, strict=True))
    for change in (swapped, deleted, inserted, replaced):
        assert change([], 0.5, g) == []


def test_the_share_of_changed_words_is_p():
    g, words = np.random.default_rng(2), ["film"] * 2000
    assert abs(sum(w != "film" for w in replaced(words, 0.3, g)) / 2000 - 0.3) < 0.04
    assert abs(len(deleted(words, 0.3, g)) / 2000 - 0.7) < 0.04


def test_capitals_and_punctuation_stay():
    assert dressed("movie", "Film,") == "Movie,"
    assert dressed("movie", "“film”") == "“movie”"
    assert dressed("movie", "...") == "..."
    assert synonyms("FILM!") == ("movie", "picture")


def test_no_word_stands_in_two_lines():
    listed = [word for line in SYNONYMS for word in line]
    assert len(listed) == len(set(listed))


def test_a_lost_negation_or_feeling_is_noticed():
    assert risk([("same", "was"), ("gone", "not"), ("same", "good")]) == "“not” is gone"
    assert risk([("gone", "not"), ("same", "good"), ("new", "not")]) == "“not” is in another place"
    assert risk([("gone", "didn't"), ("same", "go")]) == "“didn't” is gone"
    assert risk([("gone", "great")]) == "“great” is gone"
    assert risk([("gone", "great"), ("new", "superb")]) == ""
    assert risk([("gone", "story")]) == ""


def test_difference_of_equal_and_empty_sentences():
    assert difference(["a", "b"], ["a", "b"]) == [("same", "a b")]
    assert difference([], ["a"]) == [("new", "a")]
    assert difference(["a"], []) == [("gone", "a")]
    assert len(tokens("a " * 500)) == 60
