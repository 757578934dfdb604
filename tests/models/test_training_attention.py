"""The script that ships transformers: what it writes is what was trained, and its record is measured on what is stored."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from core.attention.training import Course, accuracy_of, train, trained
from models.train import attention as script


def test_a_published_transformer_is_measured_as_stored(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(script, "FOLDER", tmp_path)
    monkeypatch.setattr(script, "TESTED", 50)
    course = Course("reverse", length=4, d=16, steps=20, batch=8)
    snapshots = list(train(course))
    measured = script.publish(course, snapshots, 1.2)
    record = json.loads((tmp_path / "attention/manifest.json").read_text(encoding="utf-8"))["reverse"]
    content = (tmp_path / "attention" / record["file"]).read_bytes()
    arrays = load(content)
    assert len(content) == record["bytes"]
    assert record["course"] == {**record["course"], "task": "reverse", "steps": 20}
    model, fresh = trained(course, arrays), next(course.batches("published", 50))
    with torch.inference_mode():
        assert accuracy_of(model(fresh.inputs), fresh.targets) == measured == pytest.approx(record["test_accuracy"], abs=5e-5)  # fmt: skip
    assert arrays["film steps"].tolist() == [s.step for s in snapshots]
    np.testing.assert_allclose(arrays["film maps"][-1] / 255, snapshots[-1].arrays["maps"].astype(float), atol=0.003)
    np.testing.assert_allclose(arrays["metric loss"], [s.metrics["loss"] for s in snapshots], rtol=1e-6)
    monkeypatch.setattr(script, "LIMIT", 100)
    with pytest.raises(SystemExit, match="bytes are more than 100"):
        script.publish(course, snapshots, 1.2)
