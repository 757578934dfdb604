"""The network on screen as a script that needs only torch and numpy: the module written out, counted by hooks instead of by formula."""

from __future__ import annotations

import base64
import inspect

import numpy as np

from core.architectures.blocks import Chain, Layer, Node, child
from core.architectures.compute import Plan, plan
from core.architectures.count import Count, count
from core.architectures.learning import SEEN, before_training, pair, quiet, taken_apart
from core.architectures.module import ACTIVATIONS, DROPOUT, Branches
from core.architectures.spec import ArchitecturesSpec
from core.data.small_pictures import small_pictures

NAMES = {kind: f"nn.{about.__name__}()" for kind, about in ACTIVATIONS.items()}


def numbers(spec: ArchitecturesSpec) -> dict[str, float]:
    """What the script prints: counts of the network and of each of its parts, and those of the lens."""
    found = plan(spec)
    values = _counts("network", found.count)
    for k in range(len(found.net.parts)):
        values |= _counts(f"part {k + 1}", found.count.within(str(k)))
    values["receptive field"] = float(found.count.last.field.size)
    if spec.lens in ("depth", "skips"):
        for name, lengths in before_training(quiet(spec)).items():
            values |= {f"gradient of layer {k + 1}, {name}": float(v) for k, v in enumerate(lengths)}
    if spec.lens == "separable":
        both = taken_apart(spec)
        values |= _counts("full", count(both.full, both.shape)) | _counts("separable", count(both.apart, both.shape))
    return values


def _counts(name: str, c: Count) -> dict[str, float]:
    return {f"{name} parameters": float(c.parameters), f"{name} multiply-adds": float(c.macs), f"{name} values": float(c.values)}  # fmt: skip


def source(found: Plan) -> str:
    """The module as Python: nested nn.Sequential and Branches."""
    return _source(found.net, "", {row.path: row.came for row in found.count.rows}, "")


def _source(node: Node, path: str, came: dict, indent: str) -> str:
    if isinstance(node, Layer):
        return _layer(node, came[path][0])
    inner = node.parts if isinstance(node, Chain) else node.branches
    if not inner:
        return "nn.Sequential()"
    begin, end = ("nn.Sequential(", ")") if isinstance(node, Chain) else (f"Branches({node.join!r}, [", "])")
    title = f"  # {node.title}" if isinstance(node, Chain) and node.title else ""
    deeper = indent + "    "
    lines = [f"{deeper}{_source(part, child(path, k), came, deeper)}," for k, part in enumerate(inner)]  # fmt: skip
    return "\n".join([begin + title, *lines, indent + end])


def _layer(layer: Layer, N: int) -> str:
    match layer.kind:
        case "conv":
            groups = layer.groups or N
            more = "".join(f", {name}={value}" for name, value, usual in (("groups", groups, 1), ("bias", layer.bias, True)) if value != usual)  # fmt: skip
            return f"nn.Conv2d({N}, {layer.out or N}, {layer.kernel}, {layer.stride}, {layer.padding}{more})"
        case "max" | "avg":
            kind = {"max": "MaxPool2d", "avg": "AvgPool2d"}[layer.kind]
            return f"nn.{kind}({layer.kernel}, {layer.stride}, {layer.padding}{', ceil_mode=True' if layer.ceil else ''})"  # fmt: skip
        case "dense":
            return f"nn.Linear({N}, {layer.out})"
        case "norm":
            return f"nn.BatchNorm2d({N})"
        case "lrn":
            return "nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2.0)"
        case "mean":
            return "nn.AdaptiveAvgPool2d(1)"
        case "flatten":
            return "nn.Flatten()"
        case "dropout":
            return f"nn.Dropout({DROPOUT})"
    return NAMES[layer.kind]


def script(spec: ArchitecturesSpec) -> str:
    """The network on screen, counted; then what the open lens computes."""
    found = plan(spec)
    last = {"depth": _gradients, "skips": _gradients, "separable": _separable}.get(spec.lens, lambda spec: "")
    return f'''# %% [markdown]
# # {found.title[:1].upper() + found.title[1:]}, counted
#
# The module is built without memory for its weights (device "meta"); hooks see what every layer reads and gives. Needs torch and numpy.

# %%
import torch
from torch import Tensor, nn

torch.set_num_threads(1)


{inspect.getsource(Branches)}

# %%
def network():
    return {source(found).replace(chr(10), chr(10) + "    ")}


# %%
def counted(net, shape):
    """Per layer: parameters, multiply-adds, values given out; and the side of what it reads."""
    costs, sides = {{}}, {{}}

    def look(layer, inputs, output):
        macs = output.numel() * layer.weight[0].numel() if isinstance(layer, (nn.Conv2d, nn.Linear)) else 0
        own = sum(p.numel() for p in layer.parameters(recurse=False))
        costs[layer] = (own, macs, 0 if isinstance(layer, nn.Flatten) else output.numel())
        sides[layer] = inputs[0].shape[-1]

    seen = [m for m in net.modules() if not isinstance(m, (nn.Sequential, nn.ModuleList))]
    hooks = [m.register_forward_hook(look) for m in seen]
    net.eval()(torch.empty(1, *shape, device="meta"))
    for hook in hooks:
        hook.remove()
    return costs, sides


def told(name, part, costs):
    total = [sum(costs[m][k] for m in part.modules() if m in costs) for k in range(3)]
    for what, number in zip(("parameters", "multiply-adds", "values"), total):
        print(f"{{name}} {{what}} = {{number}}")


def field(m, f, sides):
    """(size, jump, start) of the receptive field after m, along one side."""
    if isinstance(m, nn.Sequential):
        for part in m:
            f = field(part, f, sides)
        return f
    if isinstance(m, Branches):
        fields = [field(branch, f, sides) for branch in m.branches[: 1 if m.join == "multiply" else None]]
        first = min(a - (r - 1) / 2 for r, j, a in fields)
        last = max(a + (r - 1) / 2 for r, j, a in fields)
        return round(last - first) + 1, max(j for r, j, a in fields), (first + last) / 2
    k, s, p = 1, 1, 0
    if isinstance(m, (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)):
        k, s, p = (n[0] if isinstance(n, tuple) else n for n in (m.kernel_size, m.stride, m.padding))
    elif isinstance(m, (nn.AdaptiveAvgPool2d, nn.Flatten)):
        k = sides[m]
    r, j, a = f
    return r + (k - 1) * j, j * s, a + ((k - 1) / 2 - p) * j


with torch.device("meta"):
    net = network()
costs, sides = counted(net, {found.shape})
told("network", net, costs)
for k, part in enumerate(net, 1):
    told(f"part {{k}}", part, costs)
print(f"receptive field = {{field(net, (1, 1, 0.0), sides)[0]}}")
{last(spec)}'''


def _separable(spec: ArchitecturesSpec) -> str:
    both = taken_apart(spec)
    full, apart = (source(Plan(net, both.shape, "")) for net in (both.full, both.apart))
    return f"""

# %%
# A full convolution, and the same taken apart.
with torch.device("meta"):
    layers = {{
        "full": {full.replace(chr(10), chr(10) + " " * 8)},
        "separable": {apart.replace(chr(10), chr(10) + " " * 8)},
    }}
for name, layer in layers.items():
    told(name, layer, counted(layer, {both.shape})[0])
"""


def _gradients(spec: ArchitecturesSpec) -> str:
    plans = pair(spec)
    side = next(iter(plans.values())).shape[1]
    found = small_pictures("digits", "train", SEEN)
    pixels = base64.b64encode(np.rint(16 * found.x).astype(np.uint8).tobytes()).decode()
    made = "\n".join(f"    {name!r}: {source(p).replace(chr(10), chr(10) + '    ')}," for name, p in plans.items())
    return f'''

# %%
# Gradients of every layer's weights before training, with and without the short cuts.
import base64
import hashlib

import numpy as np

pixels = np.frombuffer(base64.b64decode("{pixels}"), np.uint8).reshape({SEEN}, 1, 8, 8)
labels = torch.tensor({found.y.tolist()})
x = nn.functional.interpolate(torch.tensor(pixels / 16, dtype=torch.float32), ({side}, {side}), mode="bilinear") - 0.5


def first_weights(net, seed):
    """W ~ N(0, 2 / fan-in), biases 0."""
    digest = hashlib.sha256("\\0".join((str(seed), "weights")).encode()).digest()
    g = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, (nn.Conv2d, nn.Linear)):
                layer.weight.normal_(0.0, (2 / layer.weight[0].numel()) ** 0.5, generator=g)
                if layer.bias is not None:
                    layer.bias.zero_()
    return net.double()


nets = {{
{made}
}}
for name, net in nets.items():
    net = first_weights(net, {spec.seed}).train()
    for layer in net.modules():
        if isinstance(layer, nn.Dropout):
            layer.eval()
    loss = nn.functional.cross_entropy(net(x.double()), labels)
    weights = [layer.weight for layer in net.modules() if isinstance(layer, (nn.Conv2d, nn.Linear))]
    for k, gradient in enumerate(torch.autograd.grad(loss, weights), 1):
        print(f"gradient of layer {{k}}, {{name}} = {{gradient.norm().item()!r}}")
'''
