"""What the processes of a run tell each other: a notice board in the store that torchrun keeps for them."""

import json
import secrets
import time
from collections.abc import Callable
from typing import Any

from vidcolor.parallel import Group

PAUSE = 0.1
"""Seconds between two looks at the board."""


class Board:
    """Values by name, made by `open_board`."""

    def __init__(self, store: Any, corner: str = "vidcolor") -> None:
        """`store` is one of torch.distributed's."""
        self._store, self._corner = store, corner

    def corner(self, name: str) -> "Board":
        """A part of the board with names of its own."""
        return Board(self._store, f"{self._corner}/{name}")

    def add(self, name: str, count: int = 1) -> int:
        """Add to a number, which begins with 0, and learn what that makes. No two processes learn the same."""
        return int(self._store.add(self._key(name), count))

    def post(self, name: str, value: object) -> None:
        """Write something of plain types, as JSON knows them, for all to read."""
        self._store.set(self._key(name), json.dumps(value))

    def has(self, name: str) -> bool:
        """Whether it is posted."""
        return bool(self._store.check([self._key(name)]))

    def read(self, name: str) -> Any:
        """What is posted under a name; waits for it, ready to be interrupted as the store itself would not be."""
        while not self.has(name):
            time.sleep(PAUSE)
        return json.loads(self._store.get(self._key(name)))

    def settle(self, name: str, decide: Callable[[], Any]) -> Any:
        """What the first process to ask has decided, for all."""
        if self.add(f"{name}?") > 1:
            return self.read(name)
        decision = decide()
        self.post(name, decision)
        return decision

    def _key(self, name: str) -> str:
        return f"{self._corner}/{name}"


def open_board(group: Group) -> Board:
    """An empty board for the processes that torchrun has started together.

    Its store outlives a restart, so the first process calls the others to a new board and goes to it once all have
    answered; who finds an old call waits there until his answer is heard, or the call is another.
    """
    from torch.distributed.rendezvous import rendezvous  # not in every build of torch

    store, _, _ = next(rendezvous("env://"))
    hall = Board(store)
    answer = secrets.token_hex(8)
    if group.is_first:
        hall.post("call", answer)
        board = hall.corner(answer)
        board.post("heard", [board.read(f"answer of {rank}") for rank in range(1, group.size)])
        return board
    while True:
        board = hall.corner(hall.read("call"))
        board.post(f"answer of {group.rank}", answer)
        if board.has("heard") and answer in board.read("heard"):
            return board
        time.sleep(PAUSE)
