"""Counts and weights against scikit-learn and counting by hand; questions, pictures and own texts."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer

from core.data.tokenizers import BPE, Characters, Words
from core.errors import ExplainerError
from core.plots.encode import figure_json
from core.text_tokens import about, look, questions, top
from core.text_tokens import vectors as v
from core.text_tokens.compute import bag, compression_path, moments, ranks, result, study_of, text_of, unknown_path
from core.text_tokens.figures import visible
from core.text_tokens.spec import EXAMPLES, TextTokensSpec
from core.text_tokens.texts import TALE


@pytest.mark.parametrize("weight", ["counts", "tfidf"])
def test_the_bag_is_scikit_learn_s(weight: str) -> None:
    found = bag("The dog bites the man. A man bites! Dogs bite men?", "the man and the dog", weight)
    assert found.sentences[0] == "the man and the dog"
    kind = TfidfVectorizer if weight == "tfidf" else CountVectorizer
    theirs = kind(vocabulary=found.terms, token_pattern=r"\w+").fit_transform(found.sentences).toarray().astype(float)
    theirs /= np.linalg.norm(theirs, axis=1, keepdims=True)
    np.testing.assert_allclose(found.weights, theirs, rtol=1e-12)
    np.testing.assert_allclose(found.cosine, theirs @ theirs.T, rtol=1e-12, atol=1e-15)


def test_a_bag_without_words_in_the_probe_is_zero_and_one_without_any_is_refused() -> None:
    assert bag("a b", "!!", "tfidf").cosine[0].tolist() == [0.0, 0.0]
    with pytest.raises(ExplainerError, match="neither text holds a word"):
        bag("!", "?", "counts")


def test_a_result_counts_bytes_tokens_and_unknowns() -> None:
    text, probe = "ab ba ab", "ab é!"
    assert result(Characters.train(text), probe).unknown == 2
    found = result(Words.train(text, 9), probe)
    assert (found.tokens, found.unknown, found.bytes, found.exact) == (3, 2, 6, False)
    found = result(BPE.train(text, 258), probe)
    assert (found.unknown, found.exact) == (0, True)
    assert found.compression == 6 / len(BPE.train(text, 258).encode(probe))
    assert result(Characters.train(text), "").compression == 0.0


def test_unknown_words_at_every_size_are_those_of_a_vocabulary_of_that_size() -> None:
    probe = "The fisher sang of a spaceship, the end."
    sizes, share = unknown_path(TALE, probe)
    for n, wanted in zip(sizes, share, strict=True):
        ids = Words.train(TALE, n).encode(probe)
        assert wanted == ids.count(0) / len(ids)
    assert share[-1] > 0, "spaceship is in no vocabulary"


def test_compression_is_that_of_the_first_merges() -> None:
    at, values = compression_path(TALE, 300)
    bpe = BPE.train(TALE, 300)
    assert at == moments(bpe) == list(range(45))
    assert values[0] == 1.0
    assert values[7] == len(TALE.encode()) / len(BPE.train(TALE, 263).encode(TALE))
    many = moments(BPE.train(text_of(TextTokensSpec(text="manual")), 500))
    assert len(many) <= 60
    assert (many[0], many[-1]) == (0, 244)


def test_ranks_fall() -> None:
    words, found = ranks("a b a, a b c")
    assert words == ["a", "b", ",", "c"]
    assert found.tolist() == [3, 2, 1, 1]


def test_boxes_stand_side_by_side_within_the_line() -> None:
    spec = TextTokensSpec(probe="The fisher 🎣 sang " * 8)
    boxes = top(spec)["tokens"].data[0]
    for line in set(boxes["y"]):
        here = boxes["y"] == line
        ends = boxes["base"][here] + boxes["x"][here]
        assert (boxes["base"][here][1:] >= ends[:-1]).all()
        assert ends.max() <= 46
    ids = study_of(spec).bpe.encode(spec.probe)
    assert boxes["customdata"].tolist() == ids
    film = look(spec).figures["film"]
    assert film.frames[-1].data[0]["customdata"].tolist() == ids
    assert film.frames[0].data[0]["customdata"].tolist() == list(spec.probe.encode())


def test_tokens_are_written_visibly() -> None:
    assert [visible(w) for w in (" a", "\n", "\\xf0\\x9f", "é")] == ["␣a", "↵", "F09F", "é"]


@pytest.mark.parametrize(
    "settings", [{"probe": ""}, {"text": "own", "own": "x"}, {"probe": "🎣" * 60, "tokenizer": "characters"}]
)
@pytest.mark.parametrize("lens", ["merges", "vocabulary"])
def test_corner_texts_draw(settings: dict, lens: str) -> None:
    spec = TextTokensSpec(lens=lens, **settings)
    for figure in {**top(spec), **look(spec).figures}.values():
        assert figure_json(figure)
    questions(spec)


def test_questions_are_answered_by_the_run() -> None:
    spec = TextTokensSpec(lens="embeddings")
    asked = {q.slug.split(".")[0]: q for q in questions(spec)}
    bpe = study_of(spec).bpe
    assert asked["tokens"].answer == len(bpe.encode(f"{spec.probe} {spec.probe}"))
    assert asked["unknown"].answer == Words.train(TALE, 336).encode(spec.probe).count(0)
    space = v.whole(spec)
    unit = space.vectors / np.linalg.norm(space.vectors, axis=1, keepdims=True)
    cosine = {word: float(x) for word, x in zip(space.words, unit @ unit[space.words.index("king")], strict=True)}
    assert asked["nearest"].answer == max((w for w in space.words if w != "king"), key=cosine.get)
    assert asked["first"].answer in asked["first"].options


def test_an_empty_own_text_is_replaced_and_a_short_one_refused() -> None:
    assert text_of(TextTokensSpec(text="own", own=" ")) == TALE
    assert "until then the tale" in about(TextTokensSpec(text="own"))
    assert text_of(TextTokensSpec(text="own", own="x y")) == "x y"
    with pytest.raises(ExplainerError, match="longer text"):
        v.counted(TextTokensSpec(corpus="own", own="a b c. a b c."))
    found, why = v.resolved(TextTokensSpec(corpus="own"))
    assert found.corpus == "world"
    assert "small world" in why


def test_the_small_world_answers_its_analogies() -> None:
    """Ninety analogies whose answers are known before training."""
    spec = next(TextTokensSpec(**e.settings) for e in EXAMPLES if e.slug == "king")
    space = v.whole(spec)
    scores = v.vector_numbers(spec)
    right = [scores[f"right of {name}"] for name in v.relations(space)]
    assert len(right) == 3
    assert sum(right) >= 81
    assert "**queen**" in look(spec).sentences[0]
    points = look(spec).figures["projection"]
    assert len(points.frames) == len(space.film) > 20


def test_a_job_s_vectors_are_those_of_the_whole_run() -> None:
    spec = TextTokensSpec(lens="embeddings", objective="sampled", steps=40)
    film = tuple(v.train(v.training_part(spec)))
    assert v.belongs(film[-1].arrays, spec)
    assert not v.belongs(film[-1].arrays, TextTokensSpec(lens="embeddings"))
    np.testing.assert_array_equal(v.space_of(spec, film).vectors, v.whole(spec).vectors)
    assert (film[0].step, film[-1].step) == (0, 40)
    assert v.quick(TextTokensSpec(objective="sampled", steps=2000)).step < 400


def test_a_vector_file_is_shown_and_exported_with_its_own_numbers() -> None:
    lines = "man 1 0 0\nking 1 1 0\nwoman 0 0 1\nqueen 0.1 1 1\nfish -1 -1 -1\n"
    spec = TextTokensSpec(lens="embeddings", corpus="file", file=v.keep(lines.encode()))
    found = v.vector_numbers(spec)
    assert max((name for name in found if name.startswith("analogy")), key=found.get) == "analogy queen"
    assert "loss" not in found
    assert look(spec).steps == ()
    assert v.resolved(TextTokensSpec(corpus="file", file="0" * 16))[0].corpus == "world"
    with pytest.raises(ExplainerError, match="choose it again"):
        v.whole(TextTokensSpec(corpus="file", file="0" * 16))
