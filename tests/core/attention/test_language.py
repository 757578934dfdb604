"""A text as a task: windows are the text itself, bits are those of a loop, and a course on a text tells what it can."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.attention.language import EXAMPLE, WINDOW, bits, continued, corpus_of, language, text_of
from core.attention.layout import LINE_END, SPACE, arrange, words
from core.attention.tasks import IGNORED
from core.attention.training import FIRST, Course, train, trained
from core.data.corpora import python, sentences
from core.data.ngrams import judged, warm
from core.errors import ExplainerError
from core.rng import generator

TEXT = sentences().text[:3000]
TINY = Course("text", "decoder", 1, 2, 16, "rope", length=40, steps=12, batch=4, rate=0.01, text=TEXT)


def test_examples_come_from_before_the_border_and_tests_from_behind_it():
    task, corpus = language(TEXT), corpus_of(TEXT)
    for draw, part in ((task.sample, corpus.text[: corpus.border]), (task.unseen, corpus.text[corpus.border :])):
        x, y, truth = draw(20, 30, generator(0, "test"))
        assert x.shape == y.shape == (20, 30)
        assert not truth.any()
        for tokens, targets in zip(x, y, strict=True):
            window = text_of(task, tokens) + text_of(task, targets[-1:])
            assert window in part
            assert text_of(task, targets) == window[1:]
    assert task.unseen(2, 128, generator(0, "test")).tokens.shape == (2, 128)
    short = language(TEXT[:700])
    assert short.unseen(2, WINDOW, generator(0, "test")).tokens.shape == (2, 69), "as long as there is text"


def test_the_typed_text_and_its_continuation():
    task = language()
    assert task.vocabulary == tuple(python().signs)
    x = task.encode(task.example)
    assert text_of(task, x[0]) == EXAMPLE.strip()
    y = continued(x).targets
    assert torch.equal(y[:, :-1], x[:, 1:])
    assert y[0, -1] == IGNORED
    assert words(task, task.encode("a b\nc")[0]) == ["a", SPACE, "b", LINE_END, "c"]
    assert torch.equal(arrange(task, "decoder", continued(x)).inputs, x)
    with pytest.raises(ExplainerError, match="'é' is no token"):
        task.encode("café")
    with pytest.raises(ExplainerError, match="outside 2 to 128"):
        task.encode("a" * 129)


def test_bits_are_the_mean_surprise_of_the_judged_characters():
    model = TINY.model().double().eval()
    corpus = corpus_of(TEXT)
    chunks, told = judged(corpus), []
    for chunk in chunks[::6]:
        for j in range(warm(chunks), chunks.shape[1], 9):
            with torch.no_grad():
                p = model(torch.from_numpy(chunk[:j])[None])[0, -1].softmax(-1)
            told.append(((j, chunk.tobytes()), -math.log2(p[chunk[j]])))
    with torch.no_grad():
        p = model(torch.from_numpy(chunks[:, :-1])).log_softmax(-1).numpy() / math.log(2)
    every = -np.take_along_axis(p, chunks[:, 1:, None], 2)[:, warm(chunks) - 1 :, 0]
    some = {(j, chunk.tobytes()): every[k, j - warm(chunks)] for k, chunk in enumerate(chunks) for j in range(warm(chunks), chunks.shape[1])}  # fmt: skip
    for place, value in told:
        assert some[place] == pytest.approx(value, abs=1e-10)
    assert bits(model, corpus) == pytest.approx(every.mean(), abs=1e-10)


def test_a_text_is_for_decoders():
    with pytest.raises(ExplainerError, match="choose a decoder"):
        replace(TINY, kind="encoder").model()


def test_a_course_on_a_text():
    snapshots = list(train(TINY))
    last = snapshots[-1]
    assert {"loss", "accuracy", "bits", "entropy"} <= set(last.metrics)
    assert "alignment" not in last.metrics
    assert set(last.arrays) & {"head_accuracy", "head_entropy"} == {"head_entropy"}
    assert last.arrays["maps"].shape == (1, 2, FIRST, FIRST)
    np.testing.assert_allclose(last.arrays["maps"].astype(float).sum(-1), 1, atol=0.01)
    assert last.metrics["bits"] < snapshots[0].metrics["bits"]
    assert bits(trained(TINY, last.arrays), corpus_of(TEXT)) == pytest.approx(last.metrics["bits"], abs=0.01)
