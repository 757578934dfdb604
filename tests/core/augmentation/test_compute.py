"""The two networks, harder pictures, exchanges of classes and the planted faults, each against what is known beforehand."""

from __future__ import annotations

import io
import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from core.augmentation import SPEC, data_file, figures, measured, numbers, pipeline, resolved, script, training
from core.augmentation.compute import (
    PLAIN,
    WITH,
    _album,
    album,
    arms,
    draws,
    exchanges,
    judge,
    mixtures,
    pair,
    shares,
    train,
)
from core.augmentation.figures import columns_for, paired_sheet
from core.augmentation.learning import accuracy, first_weights, fit, harder, network
from core.augmentation.lenses import belongs, checked, data, difference, faulty, labels, live
from core.augmentation.questions import questions
from core.augmentation.spec import EXAMPLES, TOUR, stages
from core.augmentation.words import Draw
from core.data.image_sets import image_set, keep
from core.data.images import ImageSet
from core.errors import ExplainerError
from core.rng import generator

SMALL = {"per_class": 4, "epochs": 5}
QUICK = SPEC(**SMALL)


def test_the_first_picture_is_unchanged_and_the_others_are_draws():
    found = draws(QUICK)
    np.testing.assert_array_equal(found[0], album(QUICK).x[0].numpy())
    assert len(found) == QUICK.draws + 1
    assert all(not np.array_equal(found[0], one) for one in found[1:])
    still = draws(SPEC(**SMALL, turn=0, shift=0))
    assert all(np.array_equal(still[0], one) for one in still)
    assert draws(SPEC(**SMALL, picture=99)).shape == found.shape


def test_stages_are_what_has_strength_and_chance():
    assert [s.name for s in stages(SPEC())] == ["turn", "shift"]
    assert stages(SPEC(turn_p=0.0, shift=0.0)) == ()
    assert [s.name for s in stages(SPEC(mirror_p=0.5, erase=0.2))] == ["mirror", "turn", "shift", "erase"]


def test_the_network_against_torch_s_own_layers():
    for C, S in ((1, 16), (3, 32)):
        weights = first_weights(C, S, 5, generator(0, "test"), torch.float64)
        x = torch.rand((4, C, S, S), generator=generator(1, "test"), dtype=torch.float64)
        one, two = (torch.nn.Conv2d(*sizes, dtype=torch.float64) for sizes in ((C, 12, 5, 2, 2), (12, 24, 3, 1, 1)))
        last = torch.nn.Linear(weights[4].shape[1], 5, dtype=torch.float64)
        with torch.no_grad():
            for layer, k in ((one, 0), (two, 2), (last, 4)):
                layer.weight.copy_(weights[k])
                layer.bias.copy_(weights[k + 1])
        pool = torch.nn.MaxPool2d(2) if C == 1 else torch.nn.AdaptiveAvgPool2d(1)
        net = torch.nn.Sequential(one, torch.nn.ReLU(), two, torch.nn.ReLU(), pool, torch.nn.Flatten(), last)
        torch.testing.assert_close(network(weights, x), net(x - 0.5))
        bound = np.sqrt(6 / (25 * C))
        assert 0.8 * bound < float(weights[0].detach().abs().max()) <= bound


def test_training_is_adam_on_the_soft_labels():
    """The first epoch's first step in closed form: Adam moves every weight by the rate against the sign of its gradient."""
    x = torch.rand((8, 1, 16, 16), generator=generator(2, "test"), dtype=torch.float64)
    y = torch.arange(8) % 3
    weights = first_weights(1, 16, 3, generator(3, "test"), torch.float64)
    t = 0.9 * F.one_hot(y, 3).double() + 0.1 / 3
    loss = -(t * network(weights, x).log_softmax(1)).sum(1).mean()
    grads = torch.autograd.grad(loss, weights)
    before = [w.detach().clone() for w in weights]
    (told,) = fit(weights, x, y, 3, 1, generator(4, "test"), lambda x, t: (x, 0.9 * t + 0.1 / 3))
    assert told == pytest.approx(float(loss.detach()), abs=1e-12)
    for old, new, g in zip(before, weights, grads, strict=True):
        torch.testing.assert_close(new.detach(), old - 0.005 * g / (g.abs() + 1e-8), rtol=0, atol=1e-9)


def test_accuracy_counts_right_answers():
    seen = album(QUICK)
    weights = [torch.tensor(w) for w in pair(QUICK)[PLAIN].weights]
    right = sum(
        int(network(weights, x[None]).argmax()) == int(y) for x, y in zip(seen.x_test, seen.y_test, strict=True)
    )
    assert accuracy(weights, seen.x_test, seen.y_test) == right / len(seen.x_test)


def test_harder_pictures():
    x = torch.rand((50, 1, 16, 16), generator=generator(5, "test"), dtype=torch.float64)
    for kind in (0, 1):
        torch.testing.assert_close(harder(x, kind, 0, generator(0, "t")), x)
    moved = harder(x, 0, 2, generator(0, "t"))  # by two cells
    corners = {
        tuple(s) for s in ((2, 2), (2, -2), (-2, 2), (-2, -2)) for y, o in [(moved[0], x[0])] if _is_moved(y, o, *s)
    }
    assert len(corners) == 1
    noise = harder(torch.full((50, 1, 16, 16), 0.5, dtype=torch.float64), 2, 1, generator(0, "t")) - 0.5
    assert float(noise.std()) == pytest.approx(0.1, abs=0.003)


def _is_moved(y: torch.Tensor, x: torch.Tensor, dy: int, dx: int) -> bool:
    rows, columns = slice(max(0, -dy), 16 - max(0, dy)), slice(max(0, -dx), 16 - max(0, dx))
    there = slice(max(0, dy), 16 + min(0, dy)), slice(max(0, dx), 16 + min(0, dx))
    return bool(torch.equal(y[:, rows, columns], x[:, there[0], there[1]]))


def test_both_networks_start_alike_and_nothing_to_change_gives_the_same_network():
    runs = pair(SPEC(**SMALL, turn=0, shift=0))
    np.testing.assert_array_equal(runs[PLAIN].test, runs[WITH].test)
    np.testing.assert_array_equal(runs[PLAIN].weights[0], runs[WITH].weights[0])
    assert not np.array_equal(pair(QUICK)[PLAIN].weights[0], pair(QUICK)[WITH].weights[0])


def test_the_job_gives_the_page_s_numbers():
    spec = replace(QUICK, seeds=2)
    shots = list(train(spec))
    names, last = list(arms(spec)), shots[-1].arrays
    assert names == [PLAIN, WITH, "without turn", "without shift"]
    assert len(shots) == shots[-1].step == shots[-1].total == 4 * 2 * 5
    runs = pair(spec)
    for a, arm in enumerate((PLAIN, WITH)):
        np.testing.assert_array_equal(last["test"][a, 0], runs[arm].test)
        np.testing.assert_array_equal(last["harder"][a, 0], runs[arm].harder)
    assert not np.isnan(last["harder"]).any()
    assert belongs(last, spec)
    assert not belongs(last, replace(spec, turn=20.0))
    assert belongs(last, replace(spec, lens="text"))
    assert set(measured(spec, last).figures) == {"robust", "gains"}
    assert np.allclose(live(last, spec)[PLAIN], last["test"][0].mean(axis=0))
    assert set(live(shots[0].arrays, spec)) == {PLAIN}
    assert measured(spec, shots[0].arrays).rows == []


def test_shares_and_exchanges():
    y, said = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 0, 1])
    np.testing.assert_allclose(shares(y, said, 3), [[0.5, 0.5, 0], [2 / 3, 1 / 3, 0], [0, 0, 0]])
    still = np.eye(3)
    assert exchanges(still, shares(y, said, 3)) == ((0, 1),)
    assert exchanges(still, np.array([[0, 1.0, 0], [0, 1, 0], [0, 0, 1]])) == ()  # one way only
    assert exchanges(np.array([[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]), shares(y, said, 3)) == ()  # so before


def test_sixes_and_nines_are_exchanged_upside_down_and_a_little_turn_moves_nobody():
    spec = SPEC(turn=180.0, lens="labels")
    found = judge(spec)
    assert found.exchanges == ((6, 9),)
    assert "breaks labels" in labels(spec).sentences[0]
    little = SPEC(turn=5.0, lens="labels")
    assert judge(little).exchanges == ()
    assert "keeps the labels" in labels(little).sentences[0]


def test_mixtures_have_two_labels():
    for mix in ("none", "mixup", "cutmix"):
        x, t = mixtures(SPEC(**SMALL, mix=mix))
        assert x.shape == (8, 1, 16, 16)
        np.testing.assert_allclose(t.sum(axis=1), 1, atol=1e-6)
        assert ((t > 0).sum(axis=1) <= 2).all()


def test_planted_faults_are_found():
    spec = SPEC(per_class=10, lens="data")
    found, parts, seen = checked(spec)
    clean = checked(replace(spec, faults=False))
    planted = [n for n, name in enumerate(found.names) if name.startswith("planted copy")]
    assert set(planted) <= {pair.second for pair in seen.pairs}
    assert sum(pair.exact for pair in seen.pairs) == 3
    assert planted[-1] in seen.conflicts
    assert len(found.images) - 1 in seen.blank
    assert seen.imbalance > 3
    assert clean[2].imbalance < 1.2
    assert sum(len(rows) for rows in parts) == len(found.images)
    assert "3 exact" in data(spec).sentences[1]
    assert len(faulty(image_set("textures", 30), 0).images) == len(faulty(image_set("textures", 30), 1).images)


def test_own_pictures_and_what_they_need(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("core.data.image_sets.OWN._kept", {})
    g = np.random.default_rng(0)
    images = tuple(g.integers(0, 256, (9, 12, 3), np.uint8) for _ in range(21))
    mine = ImageSet(images, np.array([0] * 9 + [1] * 9 + [2] * 3), ("Köln", "東京", "few"), tuple(map(str, range(21))))
    spec = SPEC(data="own", own=keep(mine), **SMALL)
    assert resolved(spec) == (spec, "")
    seen = album(spec)
    assert seen.classes == ("Köln", "東京")
    assert seen.x.shape[1:] == (3, 32, 32)
    assert (len(seen.x), len(seen.x_test)) == (8, 10)
    assert 0 <= numbers(spec)["test accuracy, plain"] <= 1
    with np.load(io.BytesIO(data_file(spec))) as file:
        np.testing.assert_array_equal(file["x"], seen.x.numpy())
    assert "augmentation.npz" in script(spec)
    sent = pickle.dumps(training(spec))
    monkeypatch.setattr("core.data.image_sets.OWN._kept", {})  # another process
    _album.cache_clear()
    assert next(pickle.loads(sent)(spec)).metrics["accuracy"] == pair(spec)[PLAIN].test[0]
    keep(mine)
    one = ImageSet(images[:5], np.zeros(5, np.int64), ("a",), ("x",) * 5)
    with pytest.raises(ExplainerError, match="1 classes of at least 4 pictures; 2 to 20 are needed"):
        album(SPEC(data="own", own=keep(one), per_class=5))


def test_pictures_that_are_not_here_are_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    for data_name, word in (("mnist", "GLASSNET_DATA"), ("own", "in memory only")):
        spec, why = resolved(SPEC(data=data_name))
        assert spec.data == "digits"
        assert word in why


def test_the_pipeline_in_torchvision_s_words_runs():
    from torchvision.transforms import v2

    spec = SPEC(mirror_p=0.5, zoom=0.3, brightness=0.2, colour=0.4, erase=0.2, turn_p=0.5, mix="mixup")
    names: dict[str, object] = {"NUM_CLASSES": 10}
    exec(pipeline(spec), names)
    assert isinstance(names["mix"], v2.MixUp)
    with torch.random.fork_rng():
        assert names["transform"](torch.rand(3, 16, 16)).shape == (3, 16, 16)
    exec(pipeline(SPEC(turn=0, shift=0)), names)
    assert isinstance(names["transform"], v2.Identity)


def test_questions_know_their_answers():
    for lens, slug in (("labels", "exchange"), ("data", "crossing"), ("text", "risky")):
        asked = {q.slug.split(".")[0]: q for q in questions(replace(QUICK, lens=lens))}
        assert slug in asked
        assert asked["shift"].answer == pair(QUICK)[PLAIN].harder[0, 2]
        assert all(q.right(q.answer) for q in asked.values())


def test_marked_sentences_keep_a_visitor_s_signs():
    one = Draw("", (("same", "a *b*"), ("gone", "$x$"), ("new", "<y>")), "it is gone")
    assert difference(one) == r"- a \*b\* ~~\$x\$~~ **\<y\>**  :orange[:material/warning: it is gone]"


def test_presets_and_tour_name_topics():
    assert len(EXAMPLES) == 7
    assert all(e.topics and e.summary for e in EXAMPLES)
    assert TOUR[0].settings == {}


@pytest.mark.parametrize("lens", SPEC.params()["lens"].options)
def test_every_lens_draws(lens: str):
    spec = replace(QUICK, lens=lens)
    drawn = figures(spec)
    assert {"draws", "curves"} <= drawn.keys()
    assert all(len(figure.alt) > 30 for figure in drawn.values())


def test_a_network_at_chance_judges_no_change():
    spec = SPEC(data="textures", per_class=4, epochs=5, lens="labels")
    found = judge(spec)
    assert np.trace(found.before) / 6 < 1 / 6 + 0.15
    (words,) = labels(spec).sentences
    assert "By chance it would be 17 %" in words
    assert "keeps the labels" not in words


def test_pairs_stand_above_each_other_and_tiles_fill_their_rows():
    pairs = [[np.full((4, 3, 3), 10 * k + 1, np.uint8), np.full((4, 3, 3), 10 * k + 2, np.uint8)] for k in range(8)]
    sheet = paired_sheet(pairs)
    assert sheet.shape == (18, 23, 4)
    for k in range(8):
        y, x = (k // 6) * 9, (k % 6) * 4
        assert (sheet[y : y + 4, x : x + 3] == [10 * k + 1] * 3 + [255]).all()
        assert (sheet[y + 5 : y + 9, x : x + 3] == [10 * k + 2] * 3 + [255]).all()
    assert not sheet[9:, 8:].any()
    assert [columns_for(n) for n in (24, 12, 6, 7, 48)] == [6, 4, 3, 3, 8]
