"""What happens around the pages: the server's own settings."""

from __future__ import annotations

import socket

from pages._ui.server import send_at_once


def test_small_answers_leave_at_once_on_every_accepted_connection():
    with socket.socket() as listener, socket.socket(type=socket.SOCK_DGRAM) as other, socket.socket() as client:
        socket.socket().close()  # one that is gone must not disturb
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        other.bind(("127.0.0.1", 0))
        send_at_once()
        client.connect(listener.getsockname())
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
