"""Writing, cuts, bits and n-grams against loops and torch, all in float64; texts that visitors bring."""

from __future__ import annotations

import hashlib
import math
import pickle
from collections import Counter
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from core.data.corpora import ASCII, LEAST, MOST, MOST_SIGNS, OTHER, encode, own, python, sentences
from core.data.ngrams import Counts
from core.errors import ExplainerError
from core.rng import generator
from core.text_generation import compute
from core.text_generation.compute import (
    OWN,
    Model,
    belongs,
    bits,
    drawn,
    is_shipped,
    judged,
    learned,
    model_of,
    ngram_bits,
    ngram_text,
    quick_steps,
    readable,
    resolved,
    shaped,
    train_on,
    trainer,
    warm,
    write,
)
from core.text_generation.spec import TextGenerationSpec
from models.charnet import BATCH, CharNet, first_weights, fit, windows

SMALL = TextGenerationSpec(corpus="sentences", cell="gru", width=8, steps=40, window=20, prompt="the ", length=60)


@pytest.fixture(scope="module")
def model() -> Model:
    return model_of(SMALL)


@pytest.fixture
def few_reports(monkeypatch):
    monkeypatch.setattr(compute, "SAMPLES", 5)
    monkeypatch.setattr(compute, "SAMPLE", 60)


def witten_bell(text: str, order: int, context: str, sign: str, signs: int) -> float:
    """The formula of the n-grams, by counting substrings."""
    if order == 0:
        return 1 / signs
    u = context[len(context) - order + 1 :]
    follow = Counter(text[k + order - 1] for k in range(len(text) - order + 1) if text[k : k + order - 1] == u)
    below = witten_bell(text, order - 1, context, sign, signs)
    if not follow:
        return below
    return (follow[sign] + len(follow) * below) / (sum(follow.values()) + len(follow))


def test_n_grams_are_witten_and_bell_s():
    text = "abracadabra, a cabbage and a bad grab at a dab of crab."
    signs = "".join(sorted(set(text + "z")))
    found = Counts(encode(text, signs), len(signs))
    for context in ("abra", "zzzz", "azab", "a ba", " a c"):
        for order in (1, 2, 3, 5):
            whole = found.next_sign(order, encode(context, signs).tolist())
            assert whole.sum() == pytest.approx(1, abs=1e-12)
            for k, sign in enumerate(signs):
                assert whole[k] == pytest.approx(witten_bell(text, order, context, sign, len(signs)), rel=1e-12)


def test_bits_of_n_grams_are_the_mean_over_the_places_that_the_net_is_judged_on():
    corpus = own(("the cat sat on the mat. a dog ran to the red barn! " * 30).encode())
    chunks, train = judged(corpus), corpus.text[: corpus.border]
    for order in (1, 3, 5):
        cost = [
            -math.log2(witten_bell(train, order, "".join(corpus.signs[c] for c in row[j - 4 : j]), corpus.signs[row[j]], len(corpus.signs)))
            for row in chunks[:2]
            for j in range(warm(chunks), chunks.shape[1])
        ]  # fmt: skip
        rows = Counts(corpus.codes[: corpus.border], len(corpus.signs))
        contexts = np.array([row[j - 4 : j] for row in chunks[:2] for j in range(warm(chunks), chunks.shape[1])])
        following = chunks[:2, warm(chunks) :].ravel()
        assert -np.log2(rows.probability(order, contexts, following)).mean() == pytest.approx(np.mean(cost))
    found = ngram_bits(corpus)
    contexts = np.array([row[j - 4 : j] for row in chunks for j in range(warm(chunks), chunks.shape[1])])
    assert found[3] == pytest.approx(-np.log2(rows.probability(3, contexts, chunks[:, warm(chunks) :].ravel())).mean())


def test_bits_of_a_net_are_its_cross_entropy(model):
    chunks = torch.from_numpy(judged(model.corpus))
    first = warm(chunks.numpy())
    with torch.no_grad():
        costs = [
            torch.nn.functional.cross_entropy(model.net(row[None, :-1])[0][0, first - 1 :], row[first:]).item()
            for row in chunks
        ]
    assert bits(model) == pytest.approx(np.mean(costs) / math.log(2), rel=1e-12)


def test_temperature_is_a_power_of_the_probabilities():
    z = np.random.default_rng(0).normal(size=20) * 3
    p = np.exp(z) / np.exp(z).sum()
    for tau in (0.1, 0.7, 1.0, 2.0):
        np.testing.assert_allclose(shaped(z, tau, 0, 1.0), p ** (1 / tau) / (p ** (1 / tau)).sum(), rtol=1e-10)
    assert np.isfinite(shaped(np.array([2000.0, -2000.0]), 0.1, 0, 1.0)).all()


@pytest.mark.parametrize(("k", "share", "kept"), [(0, 1.0, 5), (2, 1.0, 2), (0, 0.5, 1), (0, 0.51, 2), (0, 0.79, 2), (0, 0.81, 3), (1, 0.1, 1), (3, 0.9, 3), (40, 1.0, 5)])  # fmt: skip
def test_top_k_and_top_p_keep_the_fewest_that_suffice(k, share, kept):
    p = np.array([0.1, 0.5, 0.06, 0.3, 0.04])
    q = shaped(np.log(p), 1.0, k, share)
    best = np.argsort(-p)[:kept]
    np.testing.assert_allclose(q[best], p[best] / p[best].sum())
    assert np.count_nonzero(q) == kept


def test_a_draw_is_the_inverse_of_the_distribution_function():
    q = np.array([0.2, 0.5, 0.0, 0.3])
    assert [drawn(q, u) for u in (0.0, 0.4999, 0.5, 0.7999, 0.8, 0.999999, 1.0)] == [1, 1, 3, 3, 0, 0, 0]
    g = np.random.default_rng(1)
    share = np.bincount([drawn(q, g.random()) for _ in range(4000)], minlength=4) / 4000
    np.testing.assert_allclose(share, q, atol=0.03)


def test_what_is_written_is_what_the_whole_net_says_at_once(model):
    made = write(model, SMALL)
    codes = torch.from_numpy(made.codes[None])
    with torch.no_grad():
        h, _ = model.net.cell(model.net.embed(codes))
        z = model.net.readout(h)[0]
    np.testing.assert_allclose(made.p, torch.softmax(z, 1).numpy(), rtol=1e-9)
    np.testing.assert_allclose(made.h, h[0].numpy(), atol=1e-12)
    for t in range(made.read - 1, len(made.codes) - 1):
        np.testing.assert_allclose(made.q[t], shaped(z[t].numpy(), SMALL.temperature, 0, 1.0), rtol=1e-9)
        assert made.q[t, made.codes[t + 1]] > 0
        assert made.surprise[t + 1] == pytest.approx(-np.log2(made.p[t, made.codes[t + 1]]))
    assert made.text.startswith("the ")
    assert len(made.text) == made.read + SMALL.length


def test_hidden_states_are_those_of_the_shared_trace(model):
    from core.recurrent import trace

    made = write(model, SMALL)
    with torch.no_grad():
        inputs = model.net.embed(torch.from_numpy(made.codes[None]))
    np.testing.assert_allclose(trace(model.net.cell, inputs).h[-1, 0, 0].numpy(), made.h, atol=1e-12)


def test_cuts_of_one_sign_are_greedy_and_draws_differ(model):
    greedy = write(model, replace(SMALL, top_k=1, temperature=2.0))
    assert (greedy.p[greedy.read - 1 : -1].argmax(axis=1) == greedy.codes[greedy.read :]).all()
    assert write(model, replace(SMALL, draw=1)).text != write(model, SMALL).text == write(model, SMALL).text


def test_one_step_of_training_is_adam_on_the_clipped_gradient():
    codes = torch.from_numpy(sentences().codes)
    net = first_weights(CharNet("lstm", 25, 6), generator(0, "weights"))
    twin = first_weights(CharNet("lstm", 25, 6), generator(0, "weights"))
    x, y = windows(codes, 10, generator(1, "windows"))
    assert x.shape == y.shape == (BATCH, 10)
    assert torch.equal(x[:, 1:], y[:, :-1])
    loss = torch.nn.functional.cross_entropy(twin(x)[0].reshape(-1, 25), y.reshape(-1))
    gradients = torch.autograd.grad(loss, list(twin.parameters()))
    norm = math.sqrt(sum(float((g**2).sum()) for g in gradients))
    told = next(fit(net, codes, 1, 0.01, 10, generator(1, "windows")))
    assert told == pytest.approx(loss.item())
    for p, old, g in zip(net.parameters(), twin.parameters(), gradients, strict=True):
        g = g * min(1.0, 1.0 / (norm + 1e-6))
        torch.testing.assert_close(p, old - 0.01 * g / (g.abs() + 1e-8), rtol=1e-6, atol=1e-9)


def test_training_reports_bits_and_samples_and_learns(few_reports):
    spec = replace(SMALL, steps=60, width=16, rate=0.02)
    said = list(pickle.loads(pickle.dumps(trainer(spec)))(spec))
    assert [s.step for s in said] == [0, 12, 24, 36, 48, 60]
    assert said[0].metrics["loss"] == pytest.approx(math.log2(25))
    assert said[-1].metrics["held_out"] < said[0].metrics["held_out"] - 1.5
    assert belongs(said[-1].arrays, replace(spec, temperature=0.3, prompt="a", lens="units"))
    assert not belongs(said[-1].arrays, replace(spec, rate=0.03))
    again = learned(said[-1], spec)
    assert bits(again) == pytest.approx(said[-1].metrics["held_out"], rel=1e-12)
    assert [s.metrics for s in islice(train_on(sentences(), spec), 3)] == [s.metrics for s in said[:3]]
    assert str(said[-1].arrays["signs"]) == sentences().signs


def test_the_page_opens_with_the_first_steps_of_the_same_training(few_reports):
    spec = replace(SMALL, steps=quick_steps(SMALL))
    *_, last = train_on(sentences(), spec)
    assert bits(model_of(spec)) == pytest.approx(last.metrics["held_out"], rel=1e-9)


def test_the_shipped_model_is_the_one_that_was_measured_and_beats_counting():
    from models.storage import manifest

    spec = TextGenerationSpec()
    assert is_shipped(spec)
    assert not is_shipped(replace(spec, width=64))
    model, record = model_of(spec), manifest("text")["char-lstm"]
    assert record["bytes"] < 300_000
    script = Path(__file__).parents[3] / record["script"]
    assert hashlib.sha256(script.read_bytes()).hexdigest() == record["script_sha256"], "the script has changed since"
    assert bits(model) == pytest.approx(
        record["test_bits"], abs=0.35
    )  # other chunks, and another Python may have other pages
    assert bits(model) < min(ngram_bits(model.corpus).values())
    assert "ship with Glassnet" in model.trained


def test_the_grammar_agrees_in_number():
    lines = sentences().text.splitlines()
    assert len(lines) == 4000
    for line in lines[:500]:
        words = line.rstrip(".").split(" that the ")[0].split()
        noun = (
            words[1]
            if len(words) == 2 or (" that " in line and len(words) == 2)
            else words[-1]
            if " that " in line
            else words[-2]
        )
        many = noun.endswith("s") or noun == "children"
        assert line.rstrip(".").split()[-1].endswith("s") != many, line


def test_python_s_pages_are_printable():
    corpus = python()
    assert corpus.signs == ASCII
    assert set(corpus.text) <= set(ASCII)
    assert len(corpus.text) > 300_000
    np.testing.assert_array_equal(corpus.codes[:5], [ASCII.index(sign) for sign in corpus.text[:5]])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "0 characters|-1 characters|at least 600"),
        (b"too short", "at least 600"),
        (b"ab" * 2000, "only 3 different"),
        (b"\x00PDF" * 1000, "not text"),
        (b"\x01\x02\x03" * 1000, "at least 600"),
    ],
)
def test_texts_that_teach_nothing_are_refused(content, words):
    with pytest.raises(ExplainerError, match=words):
        own(content)


def test_texts_are_cleaned_and_it_is_said():
    text = "Zoe\u0308 reads.\r\nA\tb\x07c \u200b" + "some words go here, " * 20_000
    found = own(text.encode())
    assert found.text.startswith("Zoë reads.\nA    bc ")
    assert len(found.text) == MOST
    assert "first 200,000" in found.notes[0]
    many = own(("".join(chr(0x4E00 + k) for k in range(400)) + "abcde fghij " * 200).encode())
    assert len(many.signs) == MOST_SIGNS
    assert OTHER in many.text
    assert "rare characters" in many.notes[0]
    assert len(own(b"abcde " * (LEAST // 6 + 1)).text) >= LEAST


def test_own_texts_are_found_by_their_digest_and_seed_text_is_repaired():
    digest = OWN.keep(b"to be or not to be, that is the question. " * 20)
    spec = TextGenerationSpec(corpus="own", own=digest, width=8, steps=20)
    assert resolved(spec) == (spec, "")
    assert resolved(replace(spec, own="gone"))[0].corpus == "python"
    model = model_of(spec)
    assert readable("Zebra to", model.corpus)[0] == "ebra to"
    assert "Z" in readable("Zebra", model.corpus)[1]
    assert readable("", model.corpus) == ("t", "")
    assert readable("ZZZ", model.corpus)[0] == "t"
    assert len(ngram_text(model.corpus, 3, spec, 50)) == 50
