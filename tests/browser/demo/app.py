"""A small app with one of each: the browser test drives it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402

from pages._ui.routes import ROUTES  # noqa: E402

app = st.App(Path(__file__).with_name("script.py"), routes=ROUTES)
