"""The search finds what was meant, misspelt or by another name, best first; nonsense finds nothing and hurts nothing."""

from __future__ import annotations

from importlib import import_module

import pytest

from core.contracts import Example
from core.curriculum import PLANNED, TOPICS, Link, Result, Topic, search
from core.curriculum.search import MAX_RESULTS, SYNONYMS, words
from core.registry import EXPLAINERS, HOME, Explainer

TWO = (Explainer("alpha", "Alpha", "", "", "Letters."), Explainer("beta", "Beta", "", "", "More letters."))


def find(query: str) -> list[Result]:
    """Among all that the project has."""
    known = (HOME, *EXPLAINERS)
    return search(query, known, {e.slug: import_module(f"core.{e.slug}").EXAMPLES for e in known}, TOPICS)


def places(query: str) -> list[str]:
    """The examples found, or the titles where a result is none."""
    return [found.example or found.title for found in find(query)]


def among(query: str, *examples: Example, topics: tuple[Topic, ...] = ()) -> list[str]:
    """The titles found among examples of Alpha."""
    return [found.title for found in search(query, TWO, {"alpha": examples}, topics)]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("vanishing", "vanishing"),
        ("softmax", "softmax_expanded"),
        ("Chain rule", "neuron"),
        ("adam", "anatomy_adam"),
        ("log loss", "log_loss"),
        ("zero_grad", "bug_lab"),
        ("backprop", "Backprop stepper"),
        ("BPTT", "exploding"),
        ("xor", "xor"),
        ("confusion matrix", "blobs"),
        ("dying relu", "dead"),
        ("how does weight sharing work?", "shared_weight"),
        ("dropout", "dropout_off"),
        ("lstm", "start"),
        ("vision transformer", "Vision transformer"),
        ("initialization", "Initialisation and gradient flow"),
        ("autoencoder", "Autoencoders"),
    ],
)
def test_the_first_result_is_what_was_meant(query: str, first: str) -> None:
    assert places(query)[0] == first


@pytest.mark.parametrize(
    ("misspelt", "right"),
    [
        ("gradeint", "gradient"),
        ("sofmax", "softmax"),
        ("vanishign", "vanishing"),
        ("sóftmax", "softmax"),
        ("momentun", "momentum"),
    ],
)
def test_misspelt_and_accented_words_find_the_same(misspelt: str, right: str) -> None:
    assert set(places(misspelt)) & set(places(right)[:3])


@pytest.mark.parametrize("query", ["", "   ", "?!", "the of a", "xyzzy", "qqqqq wwwww", "blorptastic", "z", "深度学习"])
def test_nothing_and_nonsense_find_nothing(query: str) -> None:
    assert find(query) == []


@pytest.mark.parametrize("group", SYNONYMS, ids=lambda group: group[0])
def test_every_name_of_a_thing_finds_it(group: tuple[str, ...]) -> None:
    found = [set(places(name)) for name in group]
    assert set.intersection(*found)


def test_who_asks_for_relu_is_not_sent_to_a_sigmoid() -> None:
    assert places("relu")[0] == "dead"
    assert "bce_neuron" not in places("relu")


def test_a_result_says_why_and_leads_somewhere() -> None:
    known = {(e.slug, "") for e in (HOME, *EXPLAINERS)}
    known |= {(e.slug, x.slug) for e in (HOME, *EXPLAINERS) for x in import_module(f"core.{e.slug}").EXAMPLES}
    for query in ("gradient", "network", "training", "learning", "loss"):
        found = find(query)
        assert 0 < len(found) <= MAX_RESULTS
        assert len({(r.slug, r.example, r.title) for r in found}) == len(found)
        for r in found:
            assert r.reason
            assert (r.slug, r.example) in known or (r.slug == r.example == "" and r.title in PLANNED)


def test_a_topic_without_a_link_names_the_explainer_to_come() -> None:
    (found,) = find("graphsage")
    assert found.title == "Graph networks"
    assert found.slug == found.example == ""
    assert "GCN, GraphSAGE, graph attention" in found.reason
    assert found.reason.endswith("not built yet")


def test_equal_beats_beginning_and_title_beats_keyword_beats_summary() -> None:
    begins, equal = Example("a", "Gradients-to-be gradiently", ""), Example("b", "A gradient", "")
    assert among("gradiently", begins, equal) == ["Gradients-to-be gradiently"]
    assert (
        among("grad loss", Example("a", "A loss of graduates", ""), Example("b", "Loss and grad", ""))[0]
        == "Loss and grad"
    )
    keyword, summary, title = Example("a", "A", "", {}, ["loss"]), Example("b", "B", "Loss"), Example("c", "Loss", "")
    assert among("loss", summary, keyword, title) == ["Loss", "A", "B"]


def test_a_word_as_typed_counts_more_than_a_corrected_one() -> None:
    assert among("chian rule", Example("a", "A chain", "Rule"), Example("b", "Rule", "Chain")) == ["Rule", "A chain"]


def test_words_that_stand_together_beat_words_that_are_scattered() -> None:
    assert among("chain rule", Example("a", "Rule the chain", ""), Example("b", "Zen chain rule", "")) == [
        "Zen chain rule",
        "Rule the chain",
    ]


def test_a_name_beats_its_synonym() -> None:
    assert among("relu", Example("a", "A rectifier", ""), Example("b", "The relu", "")) == ["The relu", "A rectifier"]


def test_half_of_the_words_are_enough_only_if_nothing_has_all() -> None:
    chain, both = Example("a", "Chain", ""), Example("b", "Chain rule", "")
    assert among("chain rule", chain, both) == ["Chain rule"]
    assert among("chain rule", chain) == ["Chain"]
    assert among("chain rule letterhead", chain) == []


def test_a_short_word_is_never_corrected_and_a_known_one_neither() -> None:
    assert among("chan", Example("a", "Chain", "")) == []
    assert among("bases", Example("a", "Bases", ""), Example("b", "Biases", "")) == ["Bases"]


def test_a_part_counts_less_than_the_explainer_to_come_and_the_whole_counts_more() -> None:
    example = Example("x", "Shown", "")
    partly = Topic(0, "s", "pooling", (Link("alpha", "x"),), "Later")
    taught = Topic(0, "s", "pooling", (Link("alpha", "x"),), "")
    assert among("pooling", example, topics=(partly,)) == ["Later", "Shown"]
    assert among("pooling", example, topics=(partly, taught)) == ["Shown", "Later"]


def test_a_dead_link_is_told() -> None:
    with pytest.raises(KeyError, match="gone"):
        among("pooling", topics=(Topic(0, "s", "pooling", (Link("alpha", "gone"),), ""),))


def test_folding() -> None:
    assert words("Naïve RNNs: log-loss, zero_grad") == ("naive", "rnn", "log", "loss", "zero", "grad")
    assert words("ﬁlters L²") == ("filter", "l2")
    assert words("bus gas class") == ("bus", "gas", "class")


def test_a_query_is_read_up_to_200_characters_and_ten_words() -> None:
    assert places("softmax" + " " * 10_000 + "zzzzz") == places("softmax")
    assert find(" " * 200 + "softmax") == []
    assert find("qj " * 9 + "softmax") == []  # half of ten words would have to match
    assert find("softmax " * 5 + "qj " * 5) == find("softmax " * 5 + "qj " * 5 + "adam")


@pytest.mark.parametrize(
    "query",
    [
        "a" * 10_000,
        "gradient " * 2_000,
        "(((((.*+?[" * 1_000,
        "\x00\ud800\u202e" * 500,
        "ﷺ" * 5_000,
        "'; DROP TABLE--<script>",
    ],
)
def test_hostile_text_is_harmless(query: str) -> None:
    assert len(find(query)) <= MAX_RESULTS
