"""Folders with small language models, written for tests."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

CONFIG = {
    "dim": 16, "hidden_dim": 24, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "vocab_size": 300, "max_seq_len": 48,
    "norm_eps": 1e-5, "rope_theta": 500.0, "bos_id": 1, "tied_output": True,
}  # fmt: skip
WORDS = ["he", "el", "ll", "lo", "hel", "hell", "hello", " h", " hello", "low", " t", "th", " th", "the", " the"]


def tokenizer() -> dict[str, list]:
    """300 tokens: three signs, the bytes, letters, and a few joins with scores."""
    tokens = [
        "<unk>",
        "<s>",
        "</s>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        " ",
        *"abcdefghijklmnopqrstuvwx",
        *WORDS,
    ]
    tokens += [f"<{k}>" for k in range(300 - len(tokens))]
    return {"tokens": tokens, "scores": [0.0] * 259 + [-float(k) for k in range(41)]}


def state(config: dict) -> dict[str, torch.Tensor]:
    """Tensors by the names of a checkpoint, drawn at random."""
    d, kv, h = config["dim"], config["dim"] * config["n_kv_heads"] // config["n_heads"], config["hidden_dim"]
    shapes = {"tok_embeddings.weight": (config["vocab_size"], d), "norm.weight": (d,)}
    for k in range(config["n_layers"]):
        parts = {"attention_norm": (d,), "ffn_norm": (d,), "attention.wq": (d, d), "attention.wk": (kv, d), "attention.wv": (kv, d),
                 "attention.wo": (d, d), "feed_forward.w1": (h, d), "feed_forward.w2": (d, h), "feed_forward.w3": (h, d)}  # fmt: skip
        shapes |= {f"layers.{k}.{name}.weight": shape for name, shape in parts.items()}
    if not config["tied_output"]:
        shapes["output.weight"] = shapes["tok_embeddings.weight"]
    g = np.random.default_rng(0)
    return {name: torch.from_numpy(g.normal(0, 0.4, shape)).float() for name, shape in shapes.items()}


def write(folder: Path, config: dict | None = None, words: dict | None = None, weights: dict | None = None) -> Path:
    """A folder with config.json, tokenizer.json and model.pt."""
    config = {**CONFIG, **(config or {})}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer() if words is None else words), encoding="utf-8")
    torch.save(state(config) if weights is None else weights, folder / "model.pt")
    return folder
