"""The weights of an nn.LSTM and an nn.GRU in Keras."""

import keras
import numpy as np

HIDDEN = 3


def carried(layer, x, torch_weights):
    """The last state of a Keras layer with PyTorch's weights (W, U, b, c), each with its gates in rows."""
    W, U, b, c = torch_weights
    gru = isinstance(layer, keras.layers.GRU)
    if gru:  # r, z, n -> z, r, h
        W, U, b, c = (np.concatenate([p[HIDDEN : 2 * HIDDEN], p[:HIDDEN], p[2 * HIDDEN :]]) for p in (W, U, b, c))
    layer.build(x.shape)
    layer.set_weights([W.T, U.T, np.stack([b, c]) if gru else b + c])
    return keras.ops.convert_to_numpy(layer(x))


rng = np.random.default_rng(0)
x = rng.normal(size=(2, 6, 4))
weights = {
    gates: [rng.uniform(-0.8, 0.8, (gates * HIDDEN, *rest)) for rest in ((4,), (HIDDEN,), (), ())] for gates in (4, 3)
}
lstm = carried(keras.layers.LSTM(HIDDEN, dtype="float64"), x, weights[4])
gru = carried(keras.layers.GRU(HIDDEN, dtype="float64"), x, weights[3])

result = {"LSTM, first unit": float(lstm[0, 0]), "GRU, first unit": float(gru[0, 0])}
