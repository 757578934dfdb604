"""The network's numbers, maps and marks, held against formulas written out, torch and small cases by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from core.attribution import attribute, chance_iou, iou
from core.data.small_pictures import small_pictures
from core.rng import generator
from core.vision_transformer import by_hand, compute, training
from core.vision_transformer.code import checked, numbers
from core.vision_transformer.compute import (
    CUTS,
    SHARES,
    broken,
    by_distance,
    cam_layer,
    change_by_order,
    distances,
    enlarged,
    entropy,
    evidence,
    left_out,
    likeness,
    network,
    orders,
    painted,
    pieces_moved,
    reach,
    rollout,
    spoiled,
    trap,
    view_of,
    without,
)
from core.vision_transformer.scene import OWN, drawn, scene_of
from core.vision_transformer.spec import VisionTransformerSpec
from core.vision_transformer.training import SIZES, hunger, shipped_hunger, train, untrained
from models.fitting import Rule
from models.vit import ViT, init_vit
from models.vits import DATA, Variant, load_cnn, load_vit

SHAPES = {"data": "shapes", "grid": "8"}


def spec_of(**settings: object) -> VisionTransformerSpec:
    return VisionTransformerSpec(**settings)


@pytest.fixture(scope="module")
def net() -> ViT:
    """Small and random, so that nothing is 0 by accident."""
    found = init_vit(ViT(size=8, patch=2, d=12, layers=3, heads=2, hidden=16), generator(0, "test"), 0.5).double()
    with torch.no_grad():
        found.classifier.weight.normal_(0.0, 1.0, generator=generator(1, "test"))
    return found.requires_grad_(False)


@pytest.fixture(scope="module")
def x() -> torch.Tensor:
    return torch.randn(5, 1, 8, 8, generator=generator(2, "test"), dtype=torch.float64)


# --- forward, by hand


@pytest.mark.parametrize("settings", [{"picture": 2}, {**SHAPES, "picture": 3}], ids=["digits", "hybrid"])
def test_the_page_s_numbers_are_those_of_the_formulas(settings: dict) -> None:
    assert max(checked(view_of(spec_of(**settings))).values()) < 1e-12


def test_what_is_watched_is_the_forward_pass(net: ViT, x: torch.Tensor) -> None:
    seen = compute.watched(net, x[:1])
    assert seen.A.shape == (3, 2, 17, 17)
    assert seen.z.shape == (4, 17, 12)
    np.testing.assert_allclose(seen.logits, net(x[:1])[0].numpy(), rtol=1e-12)
    np.testing.assert_allclose(seen.A.sum(-1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(seen.z[0], net.embed(x[:1])[0].numpy(), rtol=1e-12)
    last = net.classifier(net.stack.norm(torch.from_numpy(seen.z[-1])))[0]
    np.testing.assert_allclose(last.numpy(), seen.logits, rtol=1e-12)
    assert seen.probabilities.sum() == pytest.approx(1.0)


def test_a_layer_head_or_patch_that_is_not_there_falls_back() -> None:
    view = view_of(spec_of(layer=11, head=11, query=63))
    assert (view.layer, view.head, view.query) == (1, -1, -1)
    assert view_of(spec_of(grid="5")).variant.grid == 4
    assert view_of(spec_of(**SHAPES, query=63)).query == 63


# --- maps


def test_rollout_by_hand() -> None:
    A = np.array(
        [[[[0.5, 0.5], [0.2, 0.8]], [[0.1, 0.9], [0.4, 0.6]]], [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]]]
    )
    first = (np.array([[0.3, 0.7], [0.3, 0.7]]) + np.eye(2)) / 2
    second = (np.array([[0.5, 0.5], [0.5, 0.5]]) + np.eye(2)) / 2
    np.testing.assert_allclose(rollout(A), second @ first, rtol=1e-12)
    np.testing.assert_allclose(rollout(A).sum(1), 1.0)


def test_rollout_of_heads_that_look_at_themselves_is_the_identity() -> None:
    np.testing.assert_allclose(rollout(np.broadcast_to(np.eye(5), (3, 2, 5, 5))), np.eye(5))


@pytest.mark.parametrize("block", [0, 1, 2])
def test_grad_cam_is_the_numeric_gradient(net: ViT, x: torch.Tensor, block: int) -> None:
    """alpha_k by central differences: all patches' feature k moved together, before the block's attention."""
    layer, target, h = f"stack.blocks.{block}.norm_attention", 3, 1e-5
    found = compute.grid_cam(net, x[:1], target, layer)
    kept: list[torch.Tensor] = []

    def shifted(k: int, by: float) -> float:
        def hook(_m, _i, out):
            kept.append(out)
            moved = out.clone()
            moved[:, 1:, k] += by
            return moved

        handle = net.get_submodule(layer).register_forward_hook(hook)
        y = net(x[:1])[0, target].item()
        handle.remove()
        return y

    alpha = np.array([(shifted(k, h) - shifted(k, -h)) / (2 * h) / 16 for k in range(12)])
    by_difference = np.maximum(kept[0][0, 1:].numpy() @ alpha, 0).reshape(4, 4)
    np.testing.assert_allclose(found, by_difference, atol=1e-8)


def test_grad_cam_of_the_page_is_the_shared_method_s() -> None:
    view = view_of(spec_of(**SHAPES, picture=1))
    own = enlarged(view.map("grad_cam"), 64)
    shared = attribute(network(view.variant), view.scene.inputs(), view.answer, "grad_cam", cam_layer(view))[0, 0]
    np.testing.assert_allclose(own, shared, rtol=1e-9, atol=1e-15)
    assert shared.max() > 0
    assert trap(view) == 0.0


def test_the_marks_are_against_the_true_mask() -> None:
    view = view_of(spec_of(**SHAPES, picture=1))
    found, mask = evidence(view), small_pictures("shapes", "test").masks[1]
    assert [e.iou for e in found] == [iou(e.map, mask) for e in found]
    np.testing.assert_allclose(found[1].map, enlarged(view.on_grid(rollout(view.seen.A)[0]), 64))
    assert all(e.iou is None for e in evidence(view_of(spec_of())))


def test_on_planted_shapes_the_maps_beat_blind_pixels() -> None:
    marks = np.array([[e.iou for e in evidence(view_of(spec_of(**SHAPES, picture=k)))] for k in range(12)]).mean(0)
    blind = np.mean([chance_iou(small_pictures("shapes", "test").masks[k]) for k in range(12)])
    assert min(marks[:2]) > 4 * blind
    assert marks[2] > 1.5 * blind


# --- heads


def test_reach_and_entropy_by_hand() -> None:
    far = np.array([[0.0, 3.0], [3.0, 0.0]])
    A = np.array([[[[1.0, 0.0, 0.0], [0.2, 0.4, 0.4], [0.5, 0.5, 0.0]]]])
    assert reach(A, far)[0, 0] == pytest.approx((3 * 0.5 + 3 * 1.0) / 2)
    rows = [0.0, -(0.2 * np.log2(0.2) + 2 * 0.4 * np.log2(0.4)), 1.0]
    assert entropy(A)[0, 0] == pytest.approx(np.mean(rows))


def test_even_attention_reaches_the_mean_distance_and_has_full_entropy() -> None:
    far = distances(Variant("digits", 4))
    A = np.full((1, 1, 17, 17), 1 / 17)
    assert reach(A, far)[0, 0] == pytest.approx(far.mean())
    assert entropy(A)[0, 0] == pytest.approx(np.log2(17))
    assert far[0, 5] == pytest.approx(np.hypot(2, 2))
    assert far[0, 15] == pytest.approx(np.hypot(6, 6))


# --- positions


def test_likeness_is_the_cosine(net: ViT) -> None:
    E = net.E_pos[1:].numpy()
    table = likeness(net)
    assert table[2, 7] == pytest.approx(E[2] @ E[7] / np.linalg.norm(E[2]) / np.linalg.norm(E[7]))
    np.testing.assert_allclose(np.diag(table), 1.0)
    assert not likeness(ViT(positions=False)).any()


def test_means_by_distance_take_every_pair_once() -> None:
    far = distances(Variant("digits", 2))
    table = np.arange(16.0).reshape(4, 4)
    at, mean = by_distance(table, far)
    np.testing.assert_allclose(at, [0, 4, np.hypot(4, 4)])
    np.testing.assert_allclose(mean, [np.diag(table).mean(), table[far == 4].mean(), table[far > 5].mean()])


def test_only_without_positions_any_order_gives_the_same_answer() -> None:
    with_, moved = change_by_order(view_of(spec_of()))
    assert with_ > 0.1
    assert moved < 1e-12
    unordered, moved = change_by_order(view_of(spec_of(positions=False)))
    assert unordered < 1e-12
    assert moved < 1e-12


# --- broken pictures


def test_pieces_are_moved_as_told(x: torch.Tensor) -> None:
    order = orders(5, 4, 3)
    seen = pieces_moved(x, 4, order)
    for k in range(16):
        (r, c), (s, t) = divmod(k, 4), divmod(int(order[2, k]), 4)
        assert torch.equal(
            seen[2, :, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2], x[2, :, 2 * s : 2 * s + 2, 2 * t : 2 * t + 2]
        )
    assert torch.equal(pieces_moved(x, 1, orders(5, 1, 3)), x)
    assert torch.equal(order.sort(1).values, torch.arange(16).expand(5, 16))


def test_the_patches_of_least_noise_are_left_out_and_one_always_stays(x: torch.Tensor) -> None:
    noise = np.random.default_rng(0).random((5, 16))
    gone = left_out(x, 4, 0.5, noise).numpy()
    assert (gone.sum(1) == 8).all()
    assert all(noise[n][gone[n]].max() < noise[n][~gone[n]].min() for n in range(5))
    assert (left_out(x, 4, 1.0, noise).sum(1) == 15).all()
    assert not left_out(x, 4, 0.0, noise).any()
    more = left_out(x, 4, 0.75, noise).numpy()
    assert (more | ~gone).all(), "what is left out stays out"


def test_a_sentence_without_tokens_is_the_masked_one(net: ViT, x: torch.Tensor) -> None:
    """Leaving a token out equals an attention mask that forbids it."""
    gone = left_out(x, 4, 0.4, np.random.default_rng(1).random((5, 16)))
    seen = torch.cat([torch.ones(5, 1, dtype=torch.bool), ~gone], 1)
    mask = seen[:, None, :].expand(5, 17, 17)
    by_mask = net.classifier(net.stack(net.embed(x), mask)[:, 0])
    torch.testing.assert_close(without(net, x, gone), by_mask, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(without(net, x, torch.zeros(5, 16, dtype=torch.bool)), net(x), rtol=1e-12, atol=1e-12)


def test_painted_patches_have_the_mean_colour_and_the_others_are_untouched(x: torch.Tensor) -> None:
    gone = left_out(x, 4, 0.25, np.random.default_rng(2).random((5, 16)))
    over = painted(x, 4, gone)
    for n in range(5):
        for k in range(16):
            r, c = divmod(k, 4)
            piece, own = (p[n, 0, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2] for p in (over, x))
            assert torch.equal(piece, x[n].mean().expand(2, 2)) if gone[n, k] else torch.equal(piece, own)


def test_the_curves_begin_with_the_whole_picture() -> None:
    found, part = broken(Variant("digits", 4), 0), small_pictures("digits", "test")
    pictures, y = DATA["digits"].normalise(torch.from_numpy(part.x)), torch.from_numpy(part.y)
    with torch.no_grad():
        vit, cnn = (
            float((n(pictures).argmax(1) == y).double().mean())
            for n in (load_vit(Variant("digits", 4)), load_cnn("digits"))
        )
    assert [found.dropped[name][0] for name in compute.TREATMENTS] == [vit, vit, cnn]
    assert [found.shuffled[name][0] for name in compute.NETS] == [vit, cnn]
    assert found.dropped["ViT, tokens left out"][-1] < vit
    assert (len(SHARES), len(CUTS)) == (7, 4)
    assert found.pictures == 400


def test_a_bag_of_patches_does_not_mind_being_shuffled() -> None:
    level = broken(Variant("digits", 4, positions=False), 1).shuffled["ViT"]
    assert level[0] == level[1] == level[2] != level[3]


def test_the_broken_picture_on_screen_is_that_of_the_curves() -> None:
    view = view_of(spec_of(drop=0.0, cells="1"))
    picture, p = spoiled(view)
    np.testing.assert_allclose(picture, view.scene.picture(), atol=1e-12)
    np.testing.assert_allclose(p, view.seen.probabilities, rtol=1e-9)
    fewer, _ = spoiled(view_of(spec_of(drop=0.5, cells="1")))
    assert (fewer != picture).any()


# --- scenes and training


def test_a_drawn_digit_is_cut_to_its_height_and_an_own_picture_is_fitted() -> None:
    ink = np.zeros((40, 40))
    ink[10:30, 18:22] = 1.0
    picture = drawn(ink)
    assert picture.shape == (20, 20, 3)
    assert picture[:, 8:12].min() == 255
    assert picture[:, :8].max() == 0
    scene = scene_of(spec_of(), picture)
    assert scene.words == OWN
    assert scene.truth() is None
    assert scene.picture()[0, :, 3:5].min() > 0.6
    assert not drawn(np.zeros((4, 4))).any()


def test_training_reports_its_losses_and_comes_out_the_same_again() -> None:
    spec = spec_of(epochs=2, depth=1, heads="2", rate=0.01)
    first, again = list(train(spec)), list(train(spec))
    assert first[0].metrics["train_loss"] == pytest.approx(np.log(10))
    assert first[0].metrics["test_loss"] == pytest.approx(np.log(10), rel=1e-4), "a classifier of zeros knows nothing"
    assert first[-1].step == first[-1].total == 44
    assert first[-1].metrics["test_loss"] < first[0].metrics["test_loss"] - 0.05
    assert first[-1].metrics == pytest.approx(again[-1].metrics, rel=1e-3)
    np.testing.assert_allclose(first[-1].arrays["likeness"], again[-1].arrays["likeness"], atol=1e-3)


def test_a_run_that_diverges_ends_there() -> None:
    last = list(train(spec_of(rate=0.1, epochs=1, depth=4)))[-1]
    assert last.metrics["diverged"] in (0.0, 1.0)
    assert untrained(spec_of(positions=False, grid="2")).E_pos is None


def test_the_first_mark_of_the_measurement_is_known_after_one_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "HUNGER_RULE", Rule(5, 3e-3, 32))
    run = hunger(spec_of())
    start, first, second = (next(run) for _ in range(3))
    assert np.isnan(start.arrays["accuracy"]).all()
    assert np.isfinite(first.arrays["accuracy"]).tolist() == [[True, False]] + [[False, False]] * 4
    assert np.isfinite(second.arrays["accuracy"]).sum() == 2
    assert first.total == 2 * len(SIZES)
    assert shipped_hunger().shape == (len(SIZES), 2)


def test_the_script_s_functions_agree_with_torch() -> None:
    z = torch.randn(4, 12, generator=generator(3, "test"), dtype=torch.float64)
    torch.testing.assert_close(by_hand.gelu(z), torch.nn.functional.gelu(z), rtol=1e-12, atol=1e-12)
    w = {"n.weight": z[0], "n.bias": z[1]}
    torch.testing.assert_close(by_hand.norm(w, "n", z), torch.nn.functional.layer_norm(z, (12,), z[0], z[1]))


def test_numbers_have_the_marks_only_where_the_answer_is_known() -> None:
    assert not [name for name in numbers(spec_of()) if name.startswith("IoU")]
    found = numbers(spec_of(**SHAPES))
    assert found["IoU of grad-cam"] == pytest.approx(evidence(view_of(spec_of(**SHAPES)))[2].iou)


# --- patches of other sizes, own pictures, the report


@pytest.mark.parametrize(("side", "patches"), [("1", 64), ("2", 16), ("4", 4), ("8", 1), ("above", 16)])
def test_the_network_that_learns_cuts_patches_of_any_size(side: str, patches: int) -> None:
    from core import vision_transformer as page

    spec = spec_of(side=side, epochs=1, lens="training")
    net = untrained(spec)
    assert net.grid**2 == patches
    first = next(iter(train(spec)))
    assert first.arrays["likeness"].shape == (patches, patches)
    shown = page.progress(spec, {name: [value] for name, value in first.metrics.items()}, first.arrays)
    assert set(shown) == ({"loss", "accuracy"} if patches == 1 else {"loss", "accuracy", "likeness", "distance"})
    assert f"{patches} patch" in page.look(view_of(spec)).sentences[0]
    assert f"{(patches + 1) ** 2:,} weights" in page.look(view_of(spec)).sentences[0]


def test_the_position_test_of_a_training_is_the_test_part_with_its_patches_moved() -> None:
    spec = spec_of(side="2", seed=3)
    net, (x, y) = untrained(spec), training.digits("test")
    with torch.no_grad():
        net.classifier.weight.normal_(0.0, 1.0, generator=generator(0, "test"))
    said = training.report(net, spec, 0, Rule(1, 0.1), 0.0).metrics["shuffled_accuracy"]
    order = orders(len(x), 4, 3)
    moved = torch.zeros_like(x)
    for n in range(len(x)):
        for k in range(16):
            (r, c), (i, j) = divmod(k, 4), divmod(int(order[n, k]), 4)
            moved[n, :, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2] = x[n, :, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
    with torch.no_grad():
        assert said == pytest.approx(float((net.eval()(moved).argmax(1) == y).double().mean()))
    whole = training.report(untrained(spec_of(side="8")), spec, 0, Rule(1, 0.1), 0.0).metrics
    assert whole["shuffled_accuracy"] == whole["test_accuracy"]


def test_a_picture_of_one_s_own_is_in_the_state() -> None:
    from core.data.own import keep

    pixels = np.full((20, 30, 3), 40, np.uint8)
    pixels[5:15, 12:16] = 250
    spec = spec_of(own=keep(pixels))
    assert view_of(spec).scene == scene_of(spec_of(), pixels)
    assert view_of(spec).scene.words == OWN
    assert view_of(spec_of(own="0" * 22)).scene == view_of(spec_of()).scene
    assert numbers(spec) != numbers(spec_of())


@pytest.mark.parametrize("settings", [{"query": 3}, {**SHAPES, "lens": "heads"}], ids=str)
def test_the_report_and_its_table(settings: dict) -> None:
    import csv
    import io

    from core import vision_transformer as page
    from core.report import to_html

    spec = spec_of(**settings)
    view = view_of(spec)
    made = to_html("Vision transformer", page.sections(spec), "", "")
    assert "Where it looks" in made
    rows = list(csv.DictReader(io.StringIO(page.table(spec))))
    L, H, T, _ = view.seen.A.shape
    assert len(rows) == L * H * T + T
    name = f"weight from token {view.query + 1}"
    some = rows[T * H + 2 * T + 5]
    assert (some["layer"], some["head"], some["token"]) == ("2", "3", "5")
    assert float(some[name]) == view.seen.A[1, 2, view.query + 1, 5]
    assert float(rows[-1][name]) == rollout(view.seen.A)[view.query + 1, -1]
