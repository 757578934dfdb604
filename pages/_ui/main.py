"""The script that runs for every visitor: page settings, menu from the registry, then the page."""

from pathlib import Path

import streamlit as st

from core.registry import EXPLAINERS
from pages._ui import frame

ROOT = Path(__file__).resolve().parents[2]

st.set_page_config(page_icon=str(ROOT / "assets/img/icon.svg"), layout="wide")
st.logo(str(ROOT / "assets/img/logo.svg"), icon_image=str(ROOT / "assets/img/icon.svg"), size="large")
frame.style()

menu: dict[str, list] = {
    "": [frame.page("home", "Home", "home", default=True), frame.page("curriculum", "Curriculum", "school")]
}
for e in EXPLAINERS:
    menu.setdefault(e.section, []).append(frame.page(e.slug, e.title, e.icon, help=e.summary))

frame.run(st.navigation(menu, position="hidden" if frame.focused() else "sidebar"))
