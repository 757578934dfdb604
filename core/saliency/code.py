"""The page's gradient methods as a script: the network's weights, the picture, and four methods written out. torch and NumPy only.

The weights travel as whole numbers with a step for each output unit (core/saliency/scene.py), packed with zlib and base 85.
"""

from __future__ import annotations

import base64
import inspect
import textwrap
import zlib

import numpy as np
from torch import nn

from core.errors import ExplainerError, one_of
from core.saliency import by_hand
from core.saliency.compute import depth, flat, layer_of, network, steps_of, target_of
from core.saliency.scene import SCRIPTED, codes_of, scene_of
from core.saliency.spec import SaliencySpec
from models import known

TEMPLATE = '''"""Where did {title} look? Logit {target} ({name}), four maps written out with torch alone. In float64."""

import base64
import zlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

{functions}


def unpack(text, kind):
    """Text in base 85 -> float64 tensor."""
    packed = base64.b85decode("".join(text.split()))
    return torch.from_numpy(np.frombuffer(zlib.decompress(packed), kind).astype(np.float64))


def network():
    """The trained network: weights are whole numbers times a step for each output unit; all other numbers are as they are."""
    net = nn.Sequential(
        {layers}
    ).double()
    codes, rest, at, place = unpack(CODES, np.int8), unpack(REST, np.float32), 0, 0
    with torch.no_grad():
        for layer in net:
            for key, values in layer.state_dict().items():
                if key == "weight" and isinstance(layer, (nn.Conv2d, nn.Linear)):
                    step, place = rest[place:place + len(values)], place + len(values)
                    values.copy_(codes[at:at + values.numel()].reshape(values.shape) * step.reshape(-1, *[1] * (values.ndim - 1)))
                    at += values.numel()
                elif values.is_floating_point():
                    values.copy_(rest[place:place + values.numel()].reshape(values.shape))
                    place += values.numel()
    return net.eval().requires_grad_(False)


def main():
    net, target = network(), {target}
    mean, std = (torch.tensor(v, dtype=torch.float64).reshape(-1, 1, 1) for v in ({mean}, {std}))
    picture = (unpack(PICTURE, np.uint8) / 255).reshape(1, {shape})
    x = (picture - mean) / std
    b = ({blank} - mean) / std * torch.ones_like(x)
    logits = net(x)[0]
    print(f"logit = {{logits[target].item()!r}}")
    print(f"probability = {{logits.softmax(0)[target].item()!r}}")
    maps = {{
        "saliency": saliency(net, x, target),
        "input_x_gradient": input_x_gradient(net, x, target),
        "integrated_gradients": integrated_gradients(net, x, b, target, steps={steps}),
        "grad_cam": grad_cam(net[:{cut}], net[{cut}:], x, target).expand_as(x),
    }}
    for name, map_ in maps.items():
        print(f"{{name}} sum = {{map_.sum().item()!r}}")
        print(f"{{name}} largest = {{map_.max().item()!r}}")
        print(f"{{name}} middle = {{map_[0, 0, x.shape[2] // 2, x.shape[2] // 2].item()!r}}")


PICTURE = """
{picture}
"""
REST = """
{rest}
"""
CODES = """
{codes}
"""

main()
'''
BLANKS = {
    "grey": "0.5",
    "black": "0.0",
    "white": "1.0",
    "mean": "picture.mean((2, 3), keepdim=True)",
    "blur": "F.avg_pool2d(F.pad(picture, ({half},) * 4, mode='reflect'), {window}, stride=1)",
}


def script(spec: SaliencySpec) -> str:
    """The script of the page's state.

    Raises:
        ExplainerError: the network is too large to stand in a script.
    """
    if spec.network not in SCRIPTED:
        raise ExplainerError(
            f"{known(spec.network).title} has too many weights for a script; choose {one_of(known(n).title for n in SCRIPTED)}"
        )
    scene, model, net = scene_of(spec), known(spec.network), network(spec.network)
    target, chain = target_of(spec, scene), flat(net)
    codes, rest = packed(chain)
    half = scene.shape[2] // 6
    return TEMPLATE.format(
        title=model.title,
        target=target,
        name=model.classes[target],
        functions="\n\n\n".join(inspect.getsource(f).strip() for f in FUNCTIONS),
        layers="\n        ".join(f"nn.{layer!r}," for layer in chain),
        mean=list(model.mean),
        std=list(model.std),
        shape=", ".join(map(str, scene.shape)),
        blank=BLANKS[spec.baseline].format(half=half, window=2 * half + 1),
        steps=steps_of(spec),
        cut=depth(net, layer_of(spec)),
        picture=_text(np.frombuffer(scene.pixels, np.uint8)),
        rest=_text(rest),
        codes=_text(codes),
    )


FUNCTIONS = (by_hand.slope, by_hand.saliency, by_hand.input_x_gradient, by_hand.integrated_gradients, by_hand.grad_cam)


def packed(chain: nn.Sequential) -> tuple[np.ndarray, np.ndarray]:
    """The whole numbers of all weights, and everything else (steps, biases, batch-norm) in the order of the layers."""
    codes, rest = [], []
    for layer in chain:
        for key, values in layer.state_dict().items():
            if key == "weight" and isinstance(layer, (nn.Conv2d, nn.Linear)):
                whole, step = codes_of(layer)
                codes.append(whole.numpy().ravel().astype(np.int8))
                rest.append(step.numpy().ravel())
            elif values.is_floating_point():
                rest.append(values.numpy().ravel())
    return np.concatenate(codes), np.concatenate(rest).astype(np.float32)


def _text(array: np.ndarray) -> str:
    return "\n".join(textwrap.wrap(base64.b85encode(zlib.compress(array.tobytes(), 9)).decode(), 120))
