"""The ASGI application: `streamlit run app.py` and `uvicorn app:app` both start Glassnet.

The script that Streamlit runs lies in pages/_ui/, because a main script beside a folder named pages/ would make a cold
deep link run that page alone, without menu or theme.
"""

import os
import sys
from pathlib import Path

# NumPy's products, here and in the workers: two threads wait for each other
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent
if str(ROOT) not in sys.path:  # uvicorn may be started from anywhere
    sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402
from starlette.middleware import Middleware  # noqa: E402
from starlette.routing import Mount  # noqa: E402

from core.api import api  # noqa: E402
from pages._ui.head import HeadStart  # noqa: E402
from pages._ui.routes import BASE, ROUTES  # noqa: E402
from pages._ui.server import lifespan, say_calmly  # noqa: E402

app = st.App(
    ROOT / "pages" / "_ui" / "main.py",
    routes=[*ROUTES, Mount(f"{BASE}/api", api)],
    middleware=[Middleware(HeadStart)],
    lifespan=lifespan,
    on_script_error=say_calmly,
)

if __name__ == "__main__":
    app.run()
