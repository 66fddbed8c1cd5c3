"""What processes tell each other, and what they do not take for news."""

import sys
import threading
import time

import pytest
from torch.distributed import HashStore

from vidcolor.board import Board, open_board
from vidcolor.parallel import Group


@pytest.fixture
def store(monkeypatch):
    """One that all of them see, and that stays when they are started again."""
    store = HashStore()
    monkeypatch.setattr(sys.modules["torch.distributed.rendezvous"], "rendezvous", lambda url: iter([(store, 0, 0)]))
    return store


def start(order):
    """The boards of three processes that are started in this order, each a little later."""
    boards = {}
    for rank in order:
        threading.Thread(
            target=lambda rank=rank: boards.update({rank: open_board(Group(rank, 3))}), daemon=True
        ).start()
        time.sleep(0.15)
    for _ in range(200):
        if len(boards) == 3:
            return boards
        time.sleep(0.05)
    raise AssertionError(f"only {sorted(boards)} found their board")


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_a_restart_begins_with_an_empty_board_that_all_share(store, order):
    for name in ("first", "second", "third"):
        boards = start(order)
        assert not any(board.has("news") for board in boards.values())
        boards[1].post("news", name)
        assert [boards[rank].read("news") for rank in range(3)] == [name] * 3


def test_numbers_go_up_and_the_first_to_ask_decides():
    board = Board(HashStore())
    assert [board.add("taken"), board.add("taken", 2), board.corner("other").add("taken")] == [1, 3, 1]
    assert [board.settle("plan", lambda: 7), board.settle("plan", lambda: 8)] == [7, 7]


def test_reading_waits():
    board = Board(HashStore())
    threading.Timer(0.3, lambda: board.post("late", {"a": 1})).start()
    assert board.read("late") == {"a": 1}
