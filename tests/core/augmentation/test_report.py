"""The report holds what is on screen, the table every number of both networks."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest

from core.augmentation import SPEC, sections, table
from core.augmentation.compute import pair
from core.augmentation.learning import NOISES, SHIFTS, TURNS
from core.augmentation.spec import LENSES
from core.report import to_html

SMALL = SPEC(per_class=4, epochs=5)


def test_the_table_has_every_number_of_both_networks():
    rows = list(csv.DictReader(io.StringIO(table(SMALL))))
    for name, run in pair(SMALL).items():
        own = [row for row in rows if row["network"] == name]
        value = {(row["quantity"], float(row["at"])): float(row["value"]) for row in own}
        assert len(value) == len(own) == 2 * SMALL.epochs + 15
        for epoch in range(SMALL.epochs):
            assert value["test accuracy, epoch", epoch + 1] == run.test[epoch]
            assert value["training loss [nat], epoch", epoch + 1] == run.loss[epoch]
        kinds = ("shift [share of a side]", "turn [degrees]", "noise [standard deviation]")
        harder = [[value[f"test accuracy, {kind}", at] for at in levels] for kind, levels in zip(kinds, (SHIFTS, TURNS, NOISES), strict=True)]  # fmt: skip
        np.testing.assert_array_equal(harder, run.harder)


@pytest.mark.parametrize("lens", LENSES)
def test_the_report_is_of_the_open_look(lens):
    told = sections(SPEC(per_class=4, epochs=5, lens=lens))
    assert [section.heading for section in told] == [
        "With and without changed copies",
        LENSES[lens],
        "This pipeline with torchvision",
        "Settings",
    ]
    assert set(told[0].figures) == {"Draws", "Test accuracy"}
    assert any("RandomRotation" in line for line in told[2].sentences)
    page = to_html("Augmentation lab", told, "/* library */", "/* module */")
    assert page.count("<figure>") == sum(len(section.figures) for section in told)


def test_a_set_that_is_not_here_is_said_in_the_report(monkeypatch):
    monkeypatch.delenv("GLASSNET_DATA", raising=False)
    told = sections(SPEC(per_class=4, epochs=5, data="own", own="gone"))
    assert "Until then you see the digits" in told[0].sentences[0]
