"""The run on screen as a script that needs only torch and numpy: this page's engine itself, PyTorch beside it, the page's numbers."""

from __future__ import annotations

import inspect
import re
from types import ModuleType

from core.diffusion import compute, coupling, measures, nets, paths, samplers, targets, torch_twin
from core.diffusion.spec import DATA, METHODS, DiffusionSpec
from core.training import optimizers

ADAM = (optimizers.power, optimizers.mean, optimizers.l2, optimizers.decoupled, optimizers.decayed, optimizers.adam)
PARTS = {
    "The target, and the exact denoiser": targets, "From data to noise": paths, "The net that learns the field": nets,
    "RealNVP": coupling, "From noise to data": samplers, "What is measured": measures, "The run": compute,
}  # fmt: skip


def script(spec: DiffusionSpec) -> str:
    """The run as a script."""
    settings = ", ".join(f"{name}={value!r}" for name, value in spec.as_dict().items() if name != "frame")
    parts = "\n\n".join(f"# %% [markdown]\n# ## {title}\n\n# %%\n{_module(module)}" for title, module in PARTS.items())
    rules = "\n\n".join(inspect.getsource(inspect.unwrap(rule)) for rule in ADAM)
    kinds = compute.needed(spec)
    return f'''from __future__ import annotations

# %% [markdown]
# # {METHODS[spec.method]} on {DATA[spec.data]}
#
# The engine of the page in NumPy, then the page's numbers. PyTorch trains beside it for the first {torch_twin.PARITY} updates,
# with autograd and torch.optim.Adam. Needs torch and numpy.

# %%
import hashlib
import itertools
from functools import cached_property, lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import torch

torch.set_num_threads(1)
spec = SimpleNamespace({settings})


def numpy_generator(seed, *purpose):
    """Random numbers for one purpose of this run."""
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


# %% [markdown]
# ## Adam

# %%
{rules}

{parts}

# %% [markdown]
# ## The same training in PyTorch

# %%
{_module(torch_twin)}

# %%
for name, value in numbers(spec).items():
    print(f"{{name}} = {{value!r}}")
for kind in {kinds!r}:
    own, other = parity(lesson_of(spec, kind))
    print(f"{{kind}}: torch agrees within 1e-10 for {{agreeing(own, other)}} of {{len(own)}} updates")
'''


def _module(module: ModuleType) -> str:
    """The source of a module without its docstring and without what it takes from other modules of this project."""
    text = inspect.getsource(module).replace(f'"""{module.__doc__}"""', "", 1)
    text = re.sub(r"^from (core|__future__)\S* import (\([^)]*\)|[^\n]*)\n", "", text, flags=re.MULTILINE)
    return text.removeprefix("r").strip("\n") + "\n"
