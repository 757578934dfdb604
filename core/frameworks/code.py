"""What is on screen as a script that needs only torch and numpy: the program by hand, the PyTorch loop, and the open lens."""

from __future__ import annotations

from core.frameworks.programs import program, text_of
from core.frameworks.running import run_of
from core.frameworks.snippets import body, results, source
from core.frameworks.spec import FORMS, FrameworksSpec

PRINTED = ("numpy", "torch")


def numbers(spec: FrameworksSpec) -> dict[str, float]:
    """What the script prints: loss of the first and the last batch and accuracy of both programs, then the lens' numbers."""
    found: dict[str, float] = {}
    for form in PRINTED:
        run = run_of(spec, form)
        parts = (run.losses[0], run.losses[-1], run.accuracy)
        found |= {name: float(value) for name, value in zip(_names(form), parts, strict=True)}
    return found | results(spec.lens, spec)


def _names(form: str) -> list[str]:
    return [f"{form}: {what}" for what in ("loss of the first batch", "loss of the last batch", "test accuracy")]


def script(spec: FrameworksSpec) -> str:
    """Both programs and the lens' own, one after the other."""
    parts = [
        "# %% [markdown]\n# # One net in NumPy and in PyTorch\n#\n# The same examples, first weights and batches, so the same losses. Needs torch and numpy.\n\n# %%\nimport torch\n\ntorch.set_num_threads(1)\n"
    ]
    for form in PRINTED:
        parts.append(f"# %% [markdown]\n# ## {FORMS[form]}\n\n# %%\n{text_of(program(spec, form))}{_prints(form)}")
    sentence, lines = body(source(spec.lens, "torch", spec))
    parts.append(
        f'# %% [markdown]\n# ## Closer\n#\n# {sentence}\n\n# %%\n{lines}\nfor name, value in result.items():\n    print(f"{{name}} = {{value!r}}")\n'
    )
    return "\n".join(parts)


def _prints(form: str) -> str:
    values = ("losses[0]", "losses[-1]", "accuracy")
    return "".join(
        f'print(f"{name} = {{float({value})!r}}")\n' for name, value in zip(_names(form), values, strict=True)
    )
