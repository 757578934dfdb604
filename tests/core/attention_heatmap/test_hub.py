"""Models that transformers has saved: BERT, GPT-2 and Llama of random weights, watched, against the package's own pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core import attention_heatmap as page
from core.attention_heatmap import SPEC, hub, read, trace
from core.attention_heatmap.compute import spoken_cost, stream
from core.attention_heatmap.evidence import Answers, evidence

try:
    import transformers
except ImportError:  # an extra of the app
    transformers = None

TEXT = "the cat sat on the [MASK]."
needed = pytest.mark.skipif(transformers is None, reason="transformers is not installed")


def test_without_the_package_a_plain_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import sys

    (tmp_path / "bert").mkdir()
    (tmp_path / "bert/config.json").write_text(json.dumps({"model_type": "bert"}))
    monkeypatch.setenv("GLASSNET_MODELS", str(tmp_path))
    monkeypatch.setitem(sys.modules, "transformers", None)
    assert "pip install -r requirements-hf.txt" in page.resolved(SPEC(source="folder"))[1]


def words(folder: Path) -> None:
    """A tokenizer of whole words."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    names = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "sat", "on", "mat", "."]
    tokens = Tokenizer(models.WordLevel({n: k for k, n in enumerate(names)}, unk_token="[UNK]"))
    tokens.pre_tokenizer = pre_tokenizers.Whitespace()
    if folder.name == "bert":
        tokens.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])  # fmt: skip
    special = {"unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]", "pad_token": "[PAD]"}  # fmt: skip
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokens, **special).save_pretrained(folder)


def built(name: str) -> Any:
    """A small model with random weights."""
    t = transformers
    small = {"vocab_size": 11, "initializer_range": 0.3}
    wide = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 24, "max_position_embeddings": 32}  # fmt: skip
    with torch.random.fork_rng():
        return {
            "bert": lambda: t.BertForMaskedLM(t.BertConfig(**small, **wide)),
            "gpt2": lambda: t.GPT2LMHeadModel(t.GPT2Config(**small, n_embd=16, n_layer=2, n_head=4, n_positions=32, bos_token_id=2, eos_token_id=3)),
            "llama": lambda: t.LlamaForCausalLM(t.LlamaConfig(**small, **wide, num_key_value_heads=2)),
        }[name]().eval()  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for name in ("bert", "gpt2", "llama"):
        built(name).save_pretrained(root / name)
        words(root / name)
    return root


@pytest.fixture
def models(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GLASSNET_MODELS", str(root))
    return root


@needed
@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
def test_maps_stream_and_logits_are_the_package_s(models: Path, name: str):
    found = read(SPEC(source="folder", folder=name, prompt=TEXT))
    kind = transformers.AutoModelForMaskedLM if name == "bert" else transformers.AutoModelForCausalLM
    net = kind.from_pretrained(models / name, attn_implementation="eager").double().eval()
    with torch.no_grad():
        own = net(  # the package keeps some norms in float32
            found.arranged.inputs, output_attentions=True, output_hidden_states=True
        )
    torch.testing.assert_close(found.seen.logits, own.logits, rtol=1e-4, atol=2e-6)
    torch.testing.assert_close(found.seen.weights, torch.stack(own.attentions, 1), rtol=1e-4, atol=2e-6)
    states = [found.seen.streams[f"{found.kind}.{k}"] for k in ("embedding", "0.whole")]
    for ours, theirs in zip(states, own.hidden_states, strict=False):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=2e-6)
    last = stream(found)
    p = own.logits[0].softmax(-1)[found.near]
    np.testing.assert_allclose(last.likely[-1], p.gather(1, found.arranged.targets[0][found.near][:, None])[:, 0], rtol=1e-4)  # fmt: skip
    torch.testing.assert_close(found.seen.maps[found.kind].z, found.seen.weights @ found.seen.v)


@needed
@pytest.mark.parametrize("name", ["bert", "gpt2", "llama"])
def test_every_lens_and_the_script(models: Path, name: str):
    for lens in page.SPEC.params()["lens"].options:
        spec = SPEC(source="folder", folder=name, prompt=TEXT, lens=lens)
        assert page.resolved(spec)[1] == ""
        assert page.look(read(spec)).sentences
        assert page.pictures(read(spec))
    assert "q = numbers(" in page.script(spec)
    assert page.worked(spec)


@needed
def test_operations_reach_the_model(models: Path):
    spec = SPEC(source="folder", folder="gpt2", prompt=TEXT, temperature=3.0, mask="local")
    found, plain = read(spec), read(SPEC(source="folder", folder="gpt2", prompt=TEXT))
    assert not torch.allclose(found.seen.logits, plain.seen.logits)
    parts = found.seen.scores[0, 0, 0]
    assert torch.equal(torch.isfinite(parts), torch.from_numpy(np.tri(7, dtype=bool) & ~np.tri(7, k=-3, dtype=bool)))
    off = trace(found.model, found.arranged.inputs, ablate=[(1, 2)])
    assert (off.maps["decoder"].z[:, 1, 2] == 0).all()
    assert not torch.allclose(off.logits, plain.seen.logits)
    answers = Answers(plain)
    gone = answers.x.clone()
    gone[1] = answers.base[1]
    with torch.no_grad():
        change = (answers.logits(answers.x[None]) - answers.logits(gone[None])).abs()[0, 0]
    assert evidence(plain).importance["occlusion"][0, 1] == pytest.approx(float(change))


@needed
def test_bert_opens_at_the_hidden_token(models: Path):
    found = read(SPEC(source="folder", folder="bert", prompt=TEXT))
    assert found.rows == ["[CLS]", "the", "cat", "sat", "on", "the", "[MASK]", ".", "[SEP]"]
    assert found.row == 6
    assert list(found.asked) == [1, 2, 3, 4, 5, 7]


@needed
def test_weights_and_products_by_counting(models: Path):
    from torch.utils.flop_counter import FlopCounterMode

    model = read(SPEC(source="folder", folder="gpt2", prompt=TEXT)).model
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.zeros(1, 7, dtype=torch.long))
    found = spoken_cost(model, 7)
    assert found.linear + found.quadratic == counter.get_total_flops() / 2
    assert sum(found.parameters.values()) == sum(p.numel() for p in built("gpt2").parameters())


@needed
def test_what_cannot_be_followed_is_refused(models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refused(change: dict) -> str:
        folder = tmp_path / "models" / "gpt2"
        folder.mkdir(parents=True, exist_ok=True)
        for path in (models / "gpt2").iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, **change}))
        return page.resolved(SPEC(source="folder", folder="gpt2"))[1]

    monkeypatch.setenv("GLASSNET_MODELS", str(tmp_path / "models"))
    assert "brings a program of its own" in refused({"auto_map": {"AutoModel": "evil.Evil"}})
    assert "cannot open the model gpt2: The checkpoint" in refused({"model_type": "no such kind"})
    monkeypatch.setattr(hub, "attention_scores", lambda q, k, mask, T: q @ k.mT)
    assert "cannot follow" in refused({})
    monkeypatch.setattr(hub, "MOST_BYTES", 10)
    assert "MB of weights" in refused({"a": 1})
    (tmp_path / "models/gpt2/model.safetensors").unlink()
    assert "holds no safetensors file" in page.resolved(SPEC(source="folder"))[1]
