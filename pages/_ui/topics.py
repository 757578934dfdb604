"""Links from topics to the explainers that teach them: the curriculum's lists and the search of the home page."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from itertools import groupby

import streamlit as st

from core.contracts import Example
from core.curriculum import COURSES, TOPICS, Coverage, Topic, coverage, search
from core.registry import EXPLAINERS, HOME
from pages._ui.frame import link

Presets = Mapping[str, Mapping[str, Example]]


def presets() -> Presets:
    """Slug -> slug of the preset -> preset, for all explainers and the home page."""
    return {
        slug: {e.slug: e for e in import_module(f"core.{slug}").EXAMPLES}
        for slug in ("home", *(e.slug for e in EXPLAINERS))
    }


def open_link(slug: str, example: str, known: Presets, words: str = "") -> None:
    """A link to the page `slug` in the state of its preset `example` ("" for how it opens)."""
    preset = known[slug].get(example)
    titles = {e.slug: e.title for e in (HOME, *EXPLAINERS)}
    label = f"{titles[slug]}: {preset.title}" if preset else titles[slug]
    query = (
        {f"{slug}.preset": preset.slug, **import_module(f"core.{slug}").SPEC(**preset.settings).to_query()}
        if preset
        else {}
    )
    link(slug, f"{label} ({words})" if words else label, query, icon=":material/arrow_forward:")


def courses() -> None:
    """All topics of one course at a time, section by section, each with the links that teach it."""
    chosen = st.selectbox(
        "Course", range(len(COURSES)), format_func=lambda k: COURSES[k], key="curriculum.course", bind="query-params"
    )
    only = st.toggle("Only what can be seen now", key="curriculum.now", bind="query-params")
    _progress(coverage()[chosen])
    known = presets()
    topics = [t for t in TOPICS if t.course == chosen and (t.links or not only)]
    for section, group in groupby(topics, key=lambda t: t.section):
        st.subheader(section, anchor=False)
        for topic in group:
            _topic(topic, known)


def _progress(count: Coverage) -> None:
    now = count.taught + count.partly
    st.progress(
        now / count.total,
        f"{now} of {count.total} topics can be seen now, {count.partly} of them in part; {count.not_yet} have no explainer yet",
    )


def _topic(topic: Topic, known: Presets) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(topic.text, width="content")
        for target in topic.links:
            open_link(target.slug, target.example, known, target.words)
        if topic.planned:
            st.caption(
                f"{'the rest is planned' if topic.links else 'none yet; planned'}: {topic.planned}", width="content"
            )


def finder() -> None:
    """The search over explainers, presets and curriculum topics, and what it finds."""
    query = st.text_input(
        "Find a topic",
        key="home.find",
        bind="query-params",
        max_chars=200,
        placeholder="vanishing, softmax, chain rule, momentum ...",
        icon=":material/search:",
    )
    if not query:
        return
    known = presets()
    found = search(query, (HOME, *EXPLAINERS), {slug: list(of.values()) for slug, of in known.items()}, TOPICS)
    with st.container(border=True):
        if not found:
            st.markdown(
                "Nothing here is about that. The page Curriculum lists every topic, also those that are still to come."
            )
        for hit in found[:8]:
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                if hit.slug:
                    open_link(hit.slug, hit.example, known)
                else:
                    st.markdown(f"*{hit.title}*", width="content")
                st.caption(hit.reason, width="content")
