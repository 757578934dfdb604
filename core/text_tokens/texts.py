"""The texts of this page: a tale, one greeting in many scripts, Python's manual; and a small world whose words have known relations.

The small world's sentences are drawn from templates, so the right answer to "man is to king as woman is to ?" is known before any
training: `RELATIONS` lists every pair that a relation holds for.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from core.data.tokenizers import WORDS
from core.rng import numpy_generator

TALE = """The old fisher went fishing before sunrise. He had fished for forty years, and the fish knew him. \
The younger fishers laughed: "The older the fisher, the smaller the fish!" But the fisher was unhurried, unafraid and \
unusually happy. He sang a fishing song, the slowest song of the harbour, and the slower he sang, the happier he was. \
One morning the smallest fish of the sea came up and listened. "You sing slowly," said the fish. "You listen well," said the \
fisher. So the singing fisher and the listening fish became friends, and the unhappiness of the harbour was forgotten. \
The younger fishers came, sang slowly, listened, and caught nothing at all. They had never been happier."""

SCRIPTS = """Good morning, world! Guten Morgen, schöne Welt! Καλημέρα, κόσμε! Доброе утро, мир! おはよう、世界! 早上好，世界！ \
صباح الخير يا عالم! सुप्रभात, दुनिया! 좋은 아침, 세상! Chào buổi sáng, thế giới! Günaydın, dünya! 🌞🌍👋🏽 Good morning, good world! \
Guten Morgen, gute Welt! Καλημέρα, καλημέρα! Доброе утро, добрый мир! 世界、おはよう! 早上好，早上好！ 🌞🌞👋🏽"""

MANUAL_LENGTH = 24_000  # characters of Python's manual
SENTENCES = 700  # of the small world

PEOPLE = (
    ("king", "queen"),
    ("man", "woman"),
    ("prince", "princess"),
    ("boy", "girl"),
    ("father", "mother"),
    ("uncle", "aunt"),
)
PLACES = (
    ("france", "paris", "french", "cheese"), ("italy", "rome", "italian", "pasta"), ("spain", "madrid", "spanish", "olives"),
    ("japan", "tokyo", "japanese", "rice"), ("egypt", "cairo", "arabic", "dates"), ("norway", "oslo", "norwegian", "salmon"),
)  # fmt: skip
ROLES = {
    "king": ("crown", "throne", "palace"), "prince": ("crown", "horse", "palace"), "man": ("coat", "coffee", "office"),
    "boy": ("ball", "bike", "school"), "father": ("coat", "baby", "kitchen"), "uncle": ("coffee", "gift", "kitchen"),
}  # fmt: skip
ANIMALS = (
    ("dog", "bone"),
    ("cat", "mouse"),
    ("horse", "grass"),
    ("cow", "grass"),
    ("bird", "seeds"),
    ("fish", "worms"),
)

RELATIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "man to woman": PEOPLE,
    "country to capital": tuple((country, capital) for country, capital, _, _ in PLACES),
    "country to language": tuple((country, language) for country, _, language, _ in PLACES),
}


@cache
def manual(length: int = MANUAL_LENGTH) -> str:
    """The first part of Python's own manual, as the interpreter carries it."""
    from pydoc_data.topics import topics

    return " ".join(" ".join(topics[name] for name in sorted(topics)).split())[:length]


def sentences_of(text: str) -> list[list[str]]:
    """Lower-case words of each sentence; a sentence ends at . ! ? or the end of a line."""
    cut = "".join("\n" if sign in ".!?。！？" else sign for sign in text.lower())
    return [found for line in cut.splitlines() if (found := [w for w in WORDS.findall(line) if w.isalpha()])]


@cache
def world(seed: int) -> tuple[tuple[str, ...], ...]:
    """Sentences of the small world."""
    g = numpy_generator(seed, "small world")
    kinds = (_person, _person, _place, _place, _animal)
    return tuple(tuple(kinds[g.integers(len(kinds))](g).split()) for _ in range(SENTENCES))


def _one(g: np.random.Generator, options: tuple) -> object:
    return options[g.integers(len(options))]


def _person(g: np.random.Generator) -> str:
    he, she = _one(g, PEOPLE)
    thing = _one(g, ROLES[he])
    name, owns, him = ((he, "his", "him"), (she, "her", "her"))[g.integers(2)]
    pronoun = {"his": "he", "her": "she"}[owns]
    return str(
        _one(
            g,
            (
                f"the {name} lost {owns} {thing} so {pronoun} looked for it",
                f"the {thing} belongs to the {name} and {pronoun} likes it",
                f"give the {thing} to the {name} because {pronoun} asked for it",
                f"the {name} thinks of the {thing} when you ask {him}",
            ),
        )
    )


def _place(g: np.random.Generator) -> str:
    country, capital, language, food = _one(g, PLACES)
    return str(
        _one(
            g,
            (
                f"in the country {country} people eat {food}",
                f"the borders of {country} are long and the {food} is cheap",
                f"the streets of {capital} smell of {food}",
                f"in the city {capital} a tram passes shops with {food}",
                f"they speak {language} and cook {food}",
                f"a {language} song about {food} is sung",
            ),
        )
    )


def _animal(g: np.random.Generator) -> str:
    animal, food = _one(g, ANIMALS)
    return str(
        _one(g, (f"the {animal} runs after the {food}", f"a hungry {animal} wants its {food}", f"the {animal} sleeps"))
    )
