"""Which method runs when: a Trainer in miniature that calls the hooks in Lightning's order, and writes them down."""

import torch
from torch import nn

calls = []


def told(name):
    """A hook that only says that it was called."""
    return lambda *_: calls.append(name)


class Lit(nn.Module):
    """In Lightning: class Lit(lightning.LightningModule)."""

    on_fit_start, on_train_start, on_train_epoch_start = map(
        told, ("on_fit_start", "on_train_start", "on_train_epoch_start")
    )
    on_train_batch_start, on_train_batch_end = map(told, ("on_train_batch_start", "on_train_batch_end"))
    on_before_zero_grad, on_before_backward, on_after_backward = map(
        told, ("on_before_zero_grad", "on_before_backward", "on_after_backward")
    )
    on_before_optimizer_step, on_train_epoch_end = map(told, ("on_before_optimizer_step", "on_train_epoch_end"))
    on_validation_epoch_start, on_validation_epoch_end = map(
        told, ("on_validation_epoch_start", "on_validation_epoch_end")
    )
    on_train_end, on_fit_end = map(told, ("on_train_end", "on_fit_end"))

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(1, 1).double()
        nn.init.zeros_(self.net.weight), nn.init.zeros_(self.net.bias)

    def configure_optimizers(self):
        calls.append("configure_optimizers")
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def training_step(self, batch, index):
        calls.append("training_step")
        x, t = batch
        return nn.functional.mse_loss(self.net(x), t)

    def validation_step(self, batch, index):
        calls.append("validation_step")
        x, t = batch
        return nn.functional.mse_loss(self.net(x), t)


def fit(model, batches, held_out, epochs):
    optimizer = model.configure_optimizers()
    model.on_fit_start()
    model.on_train_start()
    for _ in range(epochs):
        model.on_train_epoch_start()
        for index, batch in enumerate(batches):
            model.on_train_batch_start(batch, index)
            loss = model.training_step(batch, index)
            model.on_before_zero_grad(optimizer)
            optimizer.zero_grad()
            model.on_before_backward(loss)
            loss.backward()
            model.on_after_backward()
            model.on_before_optimizer_step(optimizer)
            optimizer.step()
            model.on_train_batch_end(loss, batch, index)
        model.eval()
        model.on_validation_epoch_start()
        with torch.no_grad():
            for index, batch in enumerate(held_out):
                checked = model.validation_step(batch, index)
        model.on_validation_epoch_end()
        model.train()
        model.on_train_epoch_end()
    model.on_train_end()
    model.on_fit_end()
    return loss, checked


x = torch.linspace(-1, 1, 8, dtype=torch.float64)[:, None]
loss, checked = fit(Lit(), [(x[:4], 2 * x[:4]), (x[4:], 2 * x[4:])], [(x, 2 * x)], epochs=2)

result = {
    "calls": float(len(calls)),
    "training steps": float(calls.count("training_step")),
    "last loss": loss.item(),
    "last validation loss": checked.item(),
}
