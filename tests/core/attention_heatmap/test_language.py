"""Language models from a folder: Llama by its papers, its tokenizer by its rule, files with limits, and the views of the page."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core import attention_heatmap as page
from core.attention import trace
from core.attention_heatmap import SPEC, read
from core.attention_heatmap.compute import anatomy, spoken_cost
from core.attention_heatmap.evidence import MOST, Answers, evidence
from core.attention_heatmap.patterns import induction, on_screen
from core.attention_heatmap.scored_tokens import ScoredTokens, shown
from core.attention_heatmap.spec import LENSES
from core.errors import ExplainerError
from models.llama import load_llama, weights_of
from tests.core.attention_heatmap.folders import CONFIG, state, tokenizer, write
from tests.samples import sample


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSNET_MODELS", str(tmp_path))
    return tmp_path


@pytest.fixture
def spec(models: Path) -> SPEC:
    write(models / "small")
    return SPEC(source="folder", prompt="hello the low")


# The model


def plain(weights: dict[str, torch.Tensor], config: dict, ids: list[int]) -> np.ndarray:
    """Logits (token, vocabulary) by the papers' formulas: token by token, head by head, RoPE as a product of complex numbers."""
    W = {name: values.double().numpy() for name, values in weights.items()}
    d, heads, base = config["dim"], config["n_heads"], config["rope_theta"]
    d_k, shared = d // heads, heads // config["n_kv_heads"]

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        return W[name] * x / np.sqrt((x * x).mean() + config["norm_eps"])

    def turned(x: np.ndarray, t: int) -> np.ndarray:
        z = (x[0::2] + 1j * x[1::2]) * np.exp(1j * t * base ** (-np.arange(0, d_k, 2) / d_k))
        return np.stack([z.real, z.imag], 1).ravel()

    xs = [W["tok_embeddings.weight"][i] for i in ids]
    for layer in range(config["n_layers"]):
        at = f"layers.{layer}."
        ys = [norm(x, f"{at}attention_norm.weight") for x in xs]
        Q, K, V = ([W[f"{at}attention.w{c}.weight"] @ y for y in ys] for c in "qkv")
        for t, x in enumerate(list(xs)):
            read = []
            for h in range(heads):
                own, kv = slice(h * d_k, (h + 1) * d_k), slice(h // shared * d_k, (h // shared + 1) * d_k)
                q = turned(Q[t][own], t)
                s = np.array([q @ turned(K[j][kv], j) / np.sqrt(d_k) for j in range(t + 1)])
                a = np.exp(s - s.max())
                read.append(sum(w * V[j][kv] for j, w in enumerate(a / a.sum())))
            xs[t] = x + W[f"{at}attention.wo.weight"] @ np.concatenate(read)
        for t, x in enumerate(xs):
            y = norm(x, f"{at}ffn_norm.weight")
            u, g = W[f"{at}feed_forward.w1.weight"] @ y, W[f"{at}feed_forward.w3.weight"] @ y
            xs[t] = x + W[f"{at}feed_forward.w2.weight"] @ (u / (1 + np.exp(-u)) * g)
    out = W["tok_embeddings.weight"] if config["tied_output"] else W["output.weight"]
    return np.stack([out @ norm(x, "norm.weight") for x in xs])


@pytest.mark.parametrize("changes", [{}, {"tied_output": False, "n_kv_heads": 4}, {"n_kv_heads": 1, "rope_theta": 10000.0}], ids=str)  # fmt: skip
def test_llama_by_its_papers(tmp_path: Path, changes: dict):
    config = {**CONFIG, **changes}
    folder = write(tmp_path / "small", changes)
    model, ids = load_llama(folder).double(), [1, 259, 270, 271, 5, 5, 280]
    expected = plain(state(config), config, ids)
    torch.testing.assert_close(model(torch.tensor([ids]))[0], torch.from_numpy(expected), rtol=1e-9, atol=1e-9)
    seen = trace(model, torch.tensor([ids]))
    torch.testing.assert_close(seen.logits[0], torch.from_numpy(expected), rtol=1e-9, atol=1e-9)
    assert seen.weights.shape == (1, 2, 4, 7, 7)
    torch.testing.assert_close(seen.weights.sum(-1), torch.ones(1, 2, 4, 7, dtype=torch.float64))
    assert (seen.weights.triu(1) == 0).all()
    assert seen.residual.shape == (1, 5, 7)
    groups = 4 // config["n_kv_heads"]
    assert torch.equal(seen.k, seen.k[:, :, ::groups].repeat_interleave(groups, 2))
    assert sum(p.numel() for p in model.parameters()) == weights_of(model.shape)


def test_the_tinystories_model_by_the_papers_and_its_own_words():
    folder = sample("tinystories-260k")
    config = json.loads((folder / "config.json").read_text())
    model, words = load_llama(folder), ScoredTokens.read(folder, 512, 1)
    ids = words.encode("Once upon a time, there was")
    assert [words.tokens[i] for i in ids[1:]] == [" Once", " upon", " a", " time", ",", " there", " was"]
    weights = torch.load(folder / "model.pt", weights_only=True)
    torch.testing.assert_close(model.double()(torch.tensor([ids]))[0], torch.from_numpy(plain(weights, config, ids)), rtol=1e-8, atol=1e-8)  # fmt: skip
    for _ in range(24):
        ids.append(int(model(torch.tensor([ids]))[0, -1].argmax()))
    assert "".join(words.tokens[i] for i in ids[1:]).strip().startswith("Once upon a time, there was a little girl named Lily.")  # fmt: skip


# The tokenizer


WORDS = ScoredTokens(tuple(tokenizer()["tokens"]), tuple(tokenizer()["scores"]), 1)


def one_after_another(tokens: ScoredTokens, ids: list[int]) -> list[int]:
    """The joins as the rule says them."""
    number = {token: i for i, token in reversed(list(enumerate(tokens.tokens)))}
    while True:
        pairs = [(tokens.scores[new], -k, new) for k in range(len(ids) - 1) if (new := number.get(tokens.tokens[ids[k]] + tokens.tokens[ids[k + 1]])) is not None]  # fmt: skip
        if not pairs:
            return ids
        _, k, new = max(pairs)
        ids = [*ids[:-k], new, *ids[-k + 2 :]]


@settings(max_examples=150)
@given(st.lists(st.sampled_from(["hello", "hell", "the", "low", *"helo tw"]), max_size=16))
def test_joins_by_the_rule(parts: list[str]):
    text = "".join(parts)
    single = [WORDS._number[c] for c in " " + text]
    assert WORDS.encode(text) == [1, *one_after_another(WORDS, single)]


@settings(max_examples=80)
@given(st.text(max_size=30))
def test_any_unicode_comes_back(text: str):
    """Bytes of what the vocabulary lacks, joined again, are the text."""
    content = b"".join(bytes([int(t[3:5], 16)]) if t.startswith("<0x") else t.encode() for t in (WORDS.tokens[i] for i in WORDS.encode(text)[1:]))  # fmt: skip
    assert content.decode("utf-8", "surrogatepass") == " " + text


def test_signs_for_spaces_and_line_ends():
    assert shown(" the") == "␣the"
    assert shown("a\n\tb") == "a↵⇥b"
    assert shown("<s>") == "‹s›"
    assert len(shown("x" * 60)) == 24


# Files


def changed(**more: object) -> dict:
    return {**state(CONFIG), **more}


BAD = {
    "a number as text": ({"config": {"dim": "16"}}, "dim '16'"),
    "a number too large": ({"config": {"n_layers": 10_000}}, "n_layers '10000'; allowed: 1 to 32"),
    "true for a number": ({"config": {"n_heads": True}}, "n_heads"),
    "heads that do not share": ({"config": {"n_heads": 3}}, "shares width 16 among 3 heads"),
    "groups that do not share": ({"config": {"n_kv_heads": 3}}, "with 3 of keys and values"),
    "a begin that is no token": ({"config": {"bos_id": 300}}, "bos_id"),
    "more weights than allowed": ({"config": {"dim": 2048, "hidden_dim": 8192, "n_layers": 32}}, "more than 120 MB"),
    "a shape of another model": ({"config": {"hidden_dim": 25}}, "is not the model of its config.json"),
    "a tensor too many": ({"weights": changed(more=torch.zeros(1))}, "more.weight does not fit"),
    "not finite": ({"weights": changed(**{"norm.weight": torch.full((16,), torch.nan)})}, "not finite"),
    "no tensors": ({"weights": {"a": "text"}}, "holds no state_dict"),
    "too few tokens": ({"words": {"tokens": ["a"], "scores": [0]}}, "no 300 tokens"),
    "scores that are no numbers": ({"words": {**tokenizer(), "scores": [None] * 300}}, "no 300 tokens"),
}


@pytest.mark.parametrize(("how", "words"), BAD.values(), ids=BAD)
def test_bad_folders_are_refused_and_the_page_goes_on(models: Path, how: dict, words: str):
    write(models / "bad", **{"weights": state(CONFIG), **how})
    spec = SPEC(source="folder", folder="bad")
    with pytest.raises(ExplainerError, match=words):
        page.subjects.subject(spec)
    shown_instead, why = page.resolved(spec)
    assert words.split(";")[0] in why
    assert shown_instead.source == "task"
    assert read(spec).task.name == "reverse"


def test_files_that_are_damaged_large_or_missing(models: Path):
    folder = write(models / "bad")
    for name, content, words in (
        ("model.pt", b"PK nonsense", "damaged"),
        ("tokenizer.json", b"[1, 2]", "no JSON object"),
        ("config.json", b'{"dim": ' + b"1" * 70_000, "at most 65,536 are allowed"),
        ("config.json", b"[" * 5000, "no JSON object"),
    ):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(content)
        assert words in page.resolved(SPEC(source="folder"))[1]
        (folder / name).write_bytes(whole)
    (folder / "model.pt").unlink()
    assert "holds no model.pt" in page.resolved(SPEC(source="folder"))[1]


def test_a_pickle_with_a_program_is_not_run(models: Path):
    class Program:
        def __reduce__(self):
            return (Path.touch, (models / "it ran",))

    write(models / "bad", weights={"norm.weight": Program()})
    assert "damaged or holds more than weights" in page.resolved(SPEC(source="folder"))[1]
    assert not (models / "it ran").exists()


def test_without_a_folder_and_with_foreign_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.delenv("GLASSNET_MODELS", raising=False)
    assert "name that one in GLASSNET_MODELS" in page.resolved(SPEC(source="folder"))[1]
    assert page.offered(SPEC()) == {}
    write(tmp_path / "models" / "one")
    write(tmp_path / "outside")
    monkeypatch.setenv("GLASSNET_MODELS", str(tmp_path / "models"))
    for name in ("../outside", str(tmp_path / "outside"), "none", ""):
        assert read(SPEC(source="folder", folder=name, prompt="hello")).task.name == "one"
    monkeypatch.setenv("GLASSNET_MODELS", str(tmp_path / "outside"))  # the folder of the model itself
    assert page.offered(SPEC())["folder"] == (["outside"], "outside")


# The views


@pytest.mark.parametrize("lens", LENSES)
def test_every_lens_opens(spec: SPEC, lens: str):
    found = read(SPEC(source="folder", prompt=spec.prompt, lens=lens))
    seen = page.look(found)
    assert seen.sentences
    assert all(len(f.alt) > 30 for f in (*page.pictures(found).values(), *seen.figures.values()))


def test_rows_are_the_text_and_answers_the_next_tokens(spec: SPEC):
    found = read(spec)
    ids = WORDS.encode(spec.prompt)
    assert found.rows == [shown(WORDS.tokens[i]) for i in ids]
    assert found.arranged.targets[0, :-1].tolist() == ids[1:]
    assert list(found.asked) == list(range(len(ids) - 1))
    assert found.row == len(ids) - 1
    expected = plain(state(CONFIG), CONFIG, ids)
    np.testing.assert_allclose(found.seen.logits[0], expected, atol=1e-9)
    assert found.right == sum(int(expected[t].argmax()) == ids[t + 1] for t in range(len(ids) - 1))
    bars = page.look(read(SPEC(source="folder", prompt=spec.prompt, lens="next", row=page.rows_of(found)[0][2]))).figures["next"]  # fmt: skip
    p = np.exp(expected[2]) / np.exp(expected[2]).sum()
    np.testing.assert_allclose(bars.data[0]["y"], np.sort(p)[::-1][:16])


def test_the_selected_head_and_the_lens_of_the_stream(spec: SPEC):
    found = read(SPEC(source="folder", prompt=spec.prompt, place="2.3", temperature=2.0, mask="local"))
    parts = anatomy(found)
    finite = np.isfinite(parts.scores)
    np.testing.assert_allclose(parts.scores[finite], (parts.q @ parts.k.T / np.sqrt(4) / 2)[finite], atol=1e-12)
    assert not finite[np.triu_indices(len(parts.q), 1)].any()
    assert not finite[4, 1]
    from core.attention_heatmap.compute import stream

    last = stream(read(spec))
    p = read(spec).seen.logits[0].softmax(-1)
    ids = WORDS.encode(spec.prompt)
    np.testing.assert_allclose(last.likely[-1], [p[t, ids[t + 1]] for t in range(len(ids) - 1)])
    assert last.states == ["embedding", "1: attention", "1: feed-forward", "2: attention", "2: feed-forward"]


def test_evidence_of_the_selected_row(spec: SPEC):
    found = read(spec)
    answers, e = Answers(found), evidence(found)
    with torch.no_grad():
        gone = answers.x.clone()
        gone[3] = answers.base[3]
        y, without = (answers.logits(x[None])[0, 0] for x in (answers.x, gone))
    assert e.importance["occlusion"][0, 3] == pytest.approx(abs(float(y - without)))
    assert y.item() == pytest.approx(float(found.seen.logits[0, -1].max()))


def test_evidence_takes_away_at_most_so_many_tokens(models: Path, monkeypatch: pytest.MonkeyPatch):
    write(models / "long", {"max_seq_len": 512})
    with pytest.raises(ExplainerError, match=f"type at most {MOST}"):
        evidence(read(SPEC(source="folder", prompt="x" * MOST)))
    monkeypatch.setattr("core.attention_heatmap.evidence.PRODUCTS", 1e8)
    found = read(SPEC(source="folder", prompt="x" * 100))
    with pytest.raises(ExplainerError) as refused:
        evidence(found)
    most = int(str(refused.value).rpartition(" ")[2])
    weights = weights_of(found.model.shape)
    assert weights * most * (most + 96) <= 1e8 < weights * (most + 1) * (most + 97)


def test_patterns_on_maps_with_known_shares():
    n = 6
    shifted = torch.zeros(n, n, dtype=torch.float64)
    shifted[0, 0] = 1
    shifted[range(1, n), range(n - 1)] = 1
    even = torch.full((n, n), 1 / n, dtype=torch.float64)
    found = on_screen(torch.stack([shifted, torch.eye(n, dtype=torch.float64), even])[None])
    assert found["previous"][0].tolist() == pytest.approx([1, 0, 1 / n])
    assert found["first"][0].tolist() == pytest.approx([2 / n, 1 / n, 1 / n])
    assert found["itself"][0].tolist() == pytest.approx([1 / n, 1, 1 / n])


def test_the_induction_score_by_hand(spec: SPEC):
    from core.rng import generator

    found = read(spec)
    count = min(24, (CONFIG["max_seq_len"] - 1) // 2)
    r = torch.randint(300, (4, count), generator=generator(0, "repeated"))
    total = torch.zeros(2, 4, dtype=torch.float64)
    for row in r:
        ids = torch.cat([torch.tensor([1]), row, row])
        w = trace(found.model, ids[None]).weights[0]
        for t in range(1 + count, 1 + 2 * count):
            followed = t - count + 1
            assert ids[followed - 1] == ids[t]
            total += w[:, :, t, followed]
    np.testing.assert_allclose(induction(found.subject), total / (4 * count), atol=1e-12)


def test_cost_by_counting(spec: SPEC):
    from torch.utils.flop_counter import FlopCounterMode

    model = read(spec).model
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 9, dtype=torch.long))
    found = spoken_cost(model, 9)
    assert found.linear + found.quadratic == counter.get_total_flops() / 2
    assert sum(found.parameters.values()) == weights_of(model.shape)
    assert set(found.parameters) == {"embedding", "attention", "feed-forward", "layer norms"}
    assert found.cache == 2 * 2 * 2 * 4 * 9  # keys and values, layers, heads of keys, their width, tokens


def test_the_script_prints_the_numbers(spec: SPEC, tmp_path: Path):
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(page.script(spec), "script", "exec"), {})
    printed = dict(line.split(" = ") for line in out.getvalue().splitlines() if " = " in line)
    for name, number in page.numbers(spec).items():
        assert float(printed[name]) == pytest.approx(number, rel=1e-9, abs=1e-12), name


def test_hostile_texts(spec: SPEC):
    for text in ("", "😀👩‍👩‍👧", "שלום עולם", "\u202eabc", "<script>", "$a$ `b` **c**", "\x00\n\t"):
        found = read(SPEC(source="folder", prompt=text))
        assert np.isfinite(found.weights).all()
        assert page.about(found)
    with pytest.raises(ExplainerError, match="this text has 61 tokens, and small is shown with 1 to 48"):
        read(SPEC(source="folder", prompt="x" * 59))
    with pytest.raises(ExplainerError, match="at most 2500 are allowed"):
        SPEC(source="folder", prompt="x" * 10_000)


def test_a_click_on_an_averaged_map_finds_its_row(models: Path):
    write(models / "long", {"max_seq_len": 512})
    found = read(SPEC(source="folder", prompt="x" * 300))
    n = len(found.rows)
    assert n == 302
    assert page.picked(found, None, (64, 0))["row"].startswith("152:")
    assert page.picked(found, None, (127, 0))["row"] == page.rows_of(found)[0][300]
    assert page.pictures(found)["map"].data[0]["z"].shape == (128, 128)
    assert "products" not in page.look(found).figures
