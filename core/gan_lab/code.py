"""The run on screen as a script that needs only torch and numpy: this page's engine itself, PyTorch beside it, the page's numbers."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from types import ModuleType
from typing import Any

from core.gan_lab import compute, data, engine, measures, torch_engine
from core.gan_lab.points import decode
from core.gan_lab.spec import NOISES, VIEW, GanSpec, learning
from core.training import optimizers

RULES = (optimizers.power, optimizers.mean, optimizers.l2, optimizers.decoupled, optimizers.decayed, optimizers.sgd, optimizers.rmsprop, optimizers.adam)  # fmt: skip
SETUP = (compute.rules_of, compute.sizes_of, compute.first_weights, compute.setup, compute.Yardstick, compute.yardstick)
PLAY = (compute.looks, compute.play, compute.sound)
MEASURES = (compute.measured, compute.variety, compute.entropy, compute.ranked, compute.pulls, compute.agreeing)


def script(spec: GanSpec) -> str:
    """The run as a script."""
    settings = learning(spec).as_dict()
    named = ", ".join(f"{name}={value!r}" for name, value in settings.items() if name not in ("points", *VIEW))
    source = f"own(np.array({decode(spec.points).tolist()!r}))" if spec.data == "own" else f"SOURCES[{spec.data!r}]"
    return f'''from __future__ import annotations

# %% [markdown]
# # GAN lab: {spec.loss} on {spec.data}
#
# Two small nets play the game of the page. The first part is the page's own engine in NumPy; PyTorch then plays the first
# {compute.PARITY} rounds beside it, with autograd and torch.optim. Needs torch and numpy.

# %%
import hashlib
import itertools
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import torch

torch.set_num_threads(1)
spec = SimpleNamespace({named})
NOISES = {NOISES!r}
POOL, LOOK, FRAMES, BOUND, PARITY = {compute.POOL}, {compute.LOOK}, {compute.FRAMES}, {compute.BOUND!r}, {compute.PARITY}


def numpy_generator(seed, *purpose):
    """Random numbers for one purpose of this run."""
    digest = hashlib.sha256("\\0".join((str(seed), *purpose)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big") >> 1)


# %% [markdown]
# ## Real points

# %%
{_module(data)}

def source_of(spec):
    return {source}


# %% [markdown]
# ## The engine: two nets, their losses, the moves

# %%
{_sources(RULES)}
{_module(engine)}

# %% [markdown]
# ## What is measured

# %%
{_module(measures)}

{_sources(MEASURES)}
# %% [markdown]
# ## The same game in PyTorch

# %%
{_module(torch_engine)}

# %% [markdown]
# ## The run

# %%
{_sources(SETUP)}
def schedule(spec):
    """Updates of D and G in each round, then the single moves."""
    single = {{"D": (1, 0), "G": (0, 1), "B": (1, 1)}}
    return [(spec.d_steps, spec.g_steps)] * spec.rounds + [single[move] for move in spec.moves]


{_sources(PLAY)}
with np.errstate(all="ignore"):
    game, frames, rounds, diverged, pair = Game(*setup(spec)), set(looks(spec).tolist()), 0, False, (np.nan, np.nan)
    theta_G, theta_D = game.G.used(), game.D.used()
    for done, pair in enumerate(play(spec, game), 1):
        if done in frames and not sound(game):
            diverged = True
            break
        if done in frames:
            rounds, theta_G, theta_D = done, game.G.used(), game.D.used()

short = min(PARITY, len(schedule(spec)))
both = [
    [pair_ for _, pair_ in zip(range(short), play(spec, engine(*setup(spec))))] for engine in (Game, TorchGame)
]
print(f"rounds = {{rounds}}")
print(f"rounds in which torch agrees within 1e-10 = {{agreeing(np.array(both).reshape(2, short, 2))}}")
if diverged:
    print("A parameter grew beyond a million: the run diverged.")
else:
    for player, loss in zip("DG", pair):
        if np.isfinite(loss):
            print(f"loss {{player}} = {{float(loss)!r}}")
    for name, value in measured(spec, yardstick(spec), theta_G, theta_D).items():
        print(f"{{name}} = {{float(value)!r}}")
'''


def _module(module: ModuleType) -> str:
    """The source of a module without its docstring and without what it takes from other modules of this project."""
    text = inspect.getsource(module).replace(f'"""{module.__doc__}"""', "", 1)
    text = re.sub(r"^from (core|__future__)\S* import (\([^)]*\)|[^\n]*)\n", "", text, flags=re.MULTILINE)
    return text.removeprefix("r").strip("\n") + "\n"


def _sources(parts: tuple[Callable[..., Any], ...]) -> str:
    """The sources of functions and classes."""
    return "\n\n".join(inspect.getsource(part) for part in parts)
