"""Every topic of five courses, and the explainer and preset that teach it; what nobody teaches yet is said so."""

import streamlit as st

from pages._ui import topics

st.title("Curriculum", anchor=False)
st.caption(
    "Five course outlines, topic by topic, in their own words. A link opens the explainer in the state that shows the topic. A topic without a link has no explainer yet, and says which one is planned for it."
)
topics.courses()
