"""Visitors' sessions without what Gradio copies for deep links.

For every session Gradio describes each component of the page anew, and keeps in it every value that is posted or
shown, so that a link can bring the page back. Such links are closed here. Without them a session costs a
thousandth of the time and memory, and what a visitor posted, a key perhaps, is not kept.
"""

import os
from collections import Counter
from copy import copy
from datetime import datetime
from typing import Any

from gradio.components import State
from gradio.state_holder import SessionState, StateHolder


class Session(SessionState):
    """One visitor's `gr.State` values and the components that changed for them; `address` is theirs, once known."""

    def __init__(self, blocks: Any) -> None:
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
        """Nothing is described for a link."""

    def _update_value_in_config(self, key: int, value: Any) -> None:
        """No value is kept for a link."""


class Sessions(StateHolder):
    """All visitors' sessions. Beyond the capacity, those go first of which one address has the most.

    So whoever makes up one session after another ends their own, not everybody else's.
    """

    @classmethod
    def take_over(cls, app: Any) -> None:
        """Keep this Gradio app's sessions from now on."""
        app.state_holder = cls()
        app.state_holder.set_blocks(app.get_blocks())

    def __getitem__(self, session_id: str) -> SessionState:
        if session_id not in self.session_data:
            self.session_data[session_id] = Session(self.blocks)
        return super().__getitem__(session_id)

    def update(self, session_id: str) -> None:
        """`StateHolder.update`, which would end the longest unused session, whosever it is."""
        with self.lock:
            if session_id in self.session_data:
                self.session_data.move_to_end(session_id)
            while len(self.session_data) > self.capacity:
                ended = self._least_missed()
                self.session_data.pop(ended)
                self.time_last_used.pop(ended, None)

    def _least_missed(self) -> str:
        """The longest unused session of the address that has the most."""
        addresses = {name: session.address for name, session in self.session_data.items()}
        counts = Counter(addresses.values())
        most = max(counts.values())
        return next(name for name, address in addresses.items() if counts[address] == most)
