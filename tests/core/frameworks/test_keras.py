"""The Keras programs in Keras itself: only where requirements-keras.txt is installed."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import ExplainerError
from core.frameworks import SPEC
from core.frameworks.installed import in_keras, keras_is_here, parity_in_keras
from core.frameworks.programs import program, text_of
from core.frameworks.running import run_of
from core.frameworks.snippets import FOLDER, names_of, results

needs_keras = pytest.mark.skipif(not keras_is_here(), reason="TensorFlow is not installed")
FORMS = ("keras_sequential", "keras_functional", "keras_tape")
CLOSE = {"sgd": 1e-12, "momentum": 1e-5, "adam": 2e-3}  # momentum and Adam's rates of decay are float32 in Keras
SPECS = [SPEC(optimizer=optimizer, epochs=2) for optimizer in CLOSE] + [
    SPEC(data="bars", layers="conv 4, pool, dense 8", optimizer="sgd", loss="mse", epochs=2)
]
DRAWN = ("first loss", "variance", "batch norm", "standard deviation")  # drawn otherwise, or meant to differ


@needs_keras
def test_the_programs_train_the_same_net() -> None:
    runs = in_keras([(text_of(program(spec, form)), form) for spec in SPECS for form in FORMS])
    for k, run in enumerate(runs):
        spec, form = SPECS[k // 3], FORMS[k % 3]
        np.testing.assert_allclose(run["test"], run_of(spec, "numpy").logits, atol=CLOSE[spec.optimizer], rtol=0)
        if form == "keras_tape" and spec.optimizer == "sgd":
            np.testing.assert_allclose(run["losses"], run_of(spec, "numpy").losses, atol=1e-10)


@needs_keras
def test_the_programs_of_the_looks() -> None:
    files = sorted(FOLDER.glob("keras_*.py"))
    found = dict(zip((f.stem.removeprefix("keras_") for f in files), in_keras([(f.read_text("utf-8"), str(f)) for f in files]), strict=True))  # fmt: skip
    for lens, numbers in found.items():
        ours = results(lens, SPEC(lens=lens))
        for name in numbers.keys() & ours.keys():
            if not any(words in name for words in DRAWN):
                np.testing.assert_allclose(numbers[name], ours[name], rtol=1e-4, atol=1e-6, err_msg=f"{lens}: {name}")
    assert found["norm"]["mean"] == pytest.approx(found["norm"]["mean by hand"], rel=1e-12)
    assert found["norm"]["variance"] == pytest.approx(found["norm"]["variance by hand"], rel=1e-12)
    x, (lstm, gru) = drawn_weights(hidden=3)
    ours = names_of("lstm", SPEC(lens="lstm"))
    W, U, b, c = lstm
    assert found["lstm"]["LSTM, first unit"] == pytest.approx(ours["keras_lstm"](x, W.T, U.T, b + c)[0, 0], rel=1e-12)
    W, U, b, c = map(ours["z_first"], gru)
    state = ours["keras_gru"](x, W.T, U.T, np.stack([b, c]))
    assert found["lstm"]["GRU, first unit"] == pytest.approx(state[0, 0], rel=1e-12)


def drawn_weights(hidden: int) -> tuple[np.ndarray, list[list[np.ndarray]]]:
    """The input and the weights that keras_lstm.py draws, in PyTorch's order."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 6, 4))
    shapes = ((4,), (hidden,), (), ())
    return x, [[rng.uniform(-0.8, 0.8, (gates * hidden, *rest)) for rest in shapes] for gates in (4, 3)]


def test_the_states_that_keras_gave_are_those_by_hand() -> None:
    """Recorded with Keras 3.15.1 on TensorFlow 2.21, float64."""
    x, (lstm, gru) = drawn_weights(hidden=3)
    ours = names_of("lstm", SPEC(lens="lstm"))
    W, U, b, c = lstm
    assert ours["keras_lstm"](x, W.T, U.T, b + c)[0, 0] == pytest.approx(0.038221517862602396, rel=1e-12)
    W, U, b, c = map(ours["z_first"], gru)
    assert ours["keras_gru"](x, W.T, U.T, np.stack([b, c]))[0, 0] == pytest.approx(-0.0897780623938464, rel=1e-12)


def test_the_table_of_agreement_reads_what_the_programs_left(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = SPEC(epochs=1)
    logits = run_of(spec, "numpy").logits
    left = [{"losses": [2.0, 1.5], "test": (logits + k).tolist(), "accuracy": 0.5} for k in (0, 0.25, 0)]
    monkeypatch.setattr("core.frameworks.installed.in_keras", lambda programs: left)
    rows = parity_in_keras(spec)
    assert [row["largest difference of the test logits to NumPy"] for row in rows] == ["0", "2.5e-01", "0"]
    assert {row["loss of the last batch (of fit: epoch)"] for row in rows} == {"1.5"}


def test_a_program_that_fails_is_told_in_words() -> None:
    assert in_keras([("result = {'x': 1.0}", "a")]) == [{"x": 1.0}]
    with pytest.raises(ExplainerError, match="Keras stopped: ZeroDivisionError"):
        in_keras([("1 / 0", "a")])
