"""Visitors' sessions without what Gradio copies for deep links.

For every session Gradio describes each component anew and keeps every posted or shown value, so that a link can restore
the page. This app does not allow such links. Without them a session costs a thousandth of the time and memory, and
nothing that a visitor posted, such as a key, is kept. Eviction is by address, which no caching library offers.
"""

import os
from collections import Counter
from copy import copy
from datetime import datetime, timedelta
from typing import Any

from gradio.blocks import Blocks
from gradio.components import State
from gradio.routes import App
from gradio.state_holder import SessionState, StateHolder


class LeanSession(SessionState):
    """One visitor's `gr.State` values and the components that changed for them.

    Attributes:
        address: The visitor's address; empty until their first event.
    """

    def __init__(self, blocks: Blocks) -> None:
        self.address = ""
        self.blocks_config = copy(blocks.default_config)
        self.config_values: dict[int, Any] = {}
        self.state_data: dict[int, Any] = {}
        self._state_ttl: dict[int, Any] = {}
        self.is_closed = False
        self.STATE_TTL_WHEN_CLOSED = 1 if os.getenv("GRADIO_IS_E2E_TEST") else 3600

    def __setitem__(self, key: int, value: Any) -> None:
        block = self.blocks_config.blocks.get(key)
        if isinstance(block, State):
            self._state_ttl[key] = (block.time_to_live, datetime.now())
            self.state_data[key] = value
        else:
            self.blocks_config.blocks[key] = value

    def _update_config(self, key: int) -> None:
        """Do nothing: deep links are disabled."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """Keep nothing: deep links are disabled."""


class SessionStore(StateHolder):
    """All visitors' sessions; beyond the capacity, those of the address with the most are evicted.

    A visitor who opens one session after another thus evicts their own, not everybody else's.
    """

    @classmethod
    def install(cls, app: App) -> None:
        """Keep this app's sessions from now on."""
        app.state_holder = cls()
        app.state_holder.set_blocks(app.get_blocks())

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = LeanSession(self.blocks)
        return super().__getitem__(session_id)

    def update(self, session_id: str) -> None:
        """Mark a session as used and evict what exceeds the capacity; Gradio evicts regardless of the address."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            while len(self.session_data) > self.capacity:
                self._remove(self._next_to_evict())

    def forget(self, session_id: str) -> None:
        """Drop a session with all its values."""
        with self.lock:
            self._remove(session_id)

    def forget_idle(self, max_age: float) -> None:
        """Drop sessions that have been unused for more than `max_age` seconds."""
        oldest = datetime.now() - timedelta(seconds=max_age)
        for session_id in [name for name, used in self.time_last_used.items() if used < oldest]:
            self.delete_state(session_id)
            self.forget(session_id)

    def _remove(self, session_id: str) -> None:
        self.session_data.pop(session_id, None)
        self.time_last_used.pop(session_id, None)

    def _next_to_evict(self) -> str:
        """The least recently used session of the address with the most."""
        addresses = {name: getattr(session, "address", "") for name, session in self.session_data.items()}
        counts = Counter(addresses.values())
        most = max(counts.values())
        return next(name for name, address in addresses.items() if counts[address] == most)


def sessions_of(app: App) -> SessionStore:
    """The sessions of an app that `SessionStore.install` has prepared."""
    sessions = app.state_holder
    assert isinstance(sessions, SessionStore)
    return sessions
