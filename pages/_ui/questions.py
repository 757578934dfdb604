"""Predict, then reveal: a question whose answer was computed from the run on screen."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.contracts import Question
from pages._ui.frame import focused


def ask(page: str, questions: Sequence[Question]) -> None:
    """Draw the questions one below the other. A guess is kept; the answer is shown only after one was made."""
    if focused() or not questions:
        return
    st.subheader("Predict, then reveal", anchor=False)
    grid = st.grid(2, min_column_width=340)
    for question in questions:
        with grid.cell(), st.container(border=True, height="stretch"):
            _one(page, question)


def _one(page: str, question: Question) -> None:
    key = f"{page}:question.{question.slug}"
    st.markdown(question.prompt)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if question.options:
            guess = st.radio("Your guess", list(question.options), index=None, horizontal=True, key=f"{key}.guess")
        else:
            guess = st.number_input("Your guess", value=None, format="%.4g", key=f"{key}.guess", width=180)
        revealed = st.button("Reveal", key=f"{key}.reveal", disabled=guess is None)
    shown = f"{key}.shown"
    if revealed:
        st.session_state[shown] = (guess, question.answer)
    if guess is not None and st.session_state.get(shown) == (guess, question.answer):
        _verdict(question, guess)


def _verdict(question: Question, guess: float | str) -> None:
    if question.right(guess):
        st.success(f"Right. {question.explanation}", icon=":material/check_circle:")
    else:
        answer = question.answer if question.options else f"{question.answer:.4g}"
        st.info(f"It is {answer}. {question.explanation}", icon=":material/lightbulb:")
