"""What exported scripts of training share: torch's schedulers by their line of code, and the optimizers that torch lacks, spelled out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.training.schedules import Schedule, milestones

SCHEDULERS: Mapping[str, Callable[[Mapping[str, Any], int], str]] = {
    "constant": lambda s, steps: "ConstantLR(optimizer, 1.0)",
    "step": lambda s, steps: f"StepLR(optimizer, {s['step_size']}, {s['gamma']!r})",
    "multistep": lambda s, steps: f"MultiStepLR(optimizer, {list(milestones(steps))}, {s['gamma']!r})",
    "exponential": lambda s, steps: f"ExponentialLR(optimizer, {s['gamma']!r})",
    "cosine": lambda s, steps: f"CosineAnnealingLR(optimizer, {steps})",
    "warm_restarts": lambda s, steps: f"CosineAnnealingWarmRestarts(optimizer, {s['T_0']})",
    "cyclic": lambda s, steps: (
        f'CyclicLR(optimizer, optimizer.param_groups[0]["lr"] / {s["div_factor"]!r}, optimizer.param_groups[0]["lr"], '
        f"{s['step_size_up']}, cycle_momentum=False)"
    ),
    "one_cycle": lambda s, steps: (
        f'OneCycleLR(optimizer, optimizer.param_groups[0]["lr"], {steps}, cycle_momentum=False)'
    ),
    "warm_up": lambda s, steps: f"LinearLR(optimizer, {s['start_factor']!r}, total_iters={s['total_iters']})",
    "inverse_sqrt": lambda s, steps: (
        f"LambdaLR(optimizer, lambda t: min((t + 1) / {s['warmup']}, math.sqrt({s['warmup']} / (t + 1))))"
    ),
    "plateau": lambda s, steps: f"ReduceLROnPlateau(optimizer, factor={s['factor']!r}, patience={s['patience']})",
}


def scheduler(schedule: Schedule, steps: int) -> str:
    """The expression that makes torch's scheduler of `optimizer` for a race of so many steps."""
    return f"torch.optim.lr_scheduler.{SCHEDULERS[schedule.name](dict(schedule.settings), steps)}"


def scheduler_lines(schedule: Schedule, steps: int) -> tuple[str, str]:
    """The line of a function that makes the scheduler, and the one of its loop that moves it on; none for a constant rate."""
    if schedule.name == "constant":
        return "", ""
    argument = "loss.item()" if schedule.watches else ""
    return f"\n    schedule = {scheduler(schedule, steps)}", f"\n        schedule.step({argument})"


LION = '''
class Lion(torch.optim.Optimizer):
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, params, lr, betas, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                m = self.state[p].get("m", torch.zeros_like(p))
                c = m + (1 - beta1) * (p.grad - m)
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * torch.sign(c))
                self.state[p]["m"] = m + (1 - beta2) * (p.grad - m)

'''
