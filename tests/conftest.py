"""What every test is given: its own randomness, torch as its runtime, the pictures of `shared` where they are."""

import random
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

sys.modules.setdefault("openvino_telemetry", None)  # else OpenVINO tells its makers of every test
SHARED = Path(__file__).parents[2] / "shared"

torch.set_num_threads(min(2, torch.get_num_threads()))


@pytest.fixture(scope="module", autouse=True)
def plain_runtime(request: pytest.FixtureRequest) -> Iterator[None]:
    """Torch computes; OpenVINO takes seconds for every network and does so only in modules marked with its name."""
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("openvino") is None:
            patch.setitem(sys.modules, "openvino", None)
        yield


@pytest.fixture(autouse=True)
def own_randomness() -> Iterator[None]:
    """No test sees what another did to the random number generators."""
    states = torch.get_rng_state(), np.random.get_state(), random.getstate()
    yield
    torch.set_rng_state(states[0])
    np.random.set_state(states[1])
    random.setstate(states[2])


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of films and photos beside the checkout, which a plain clone does not have."""
    if not SHARED.is_dir():
        pytest.skip("no ../shared beside the checkout")
    return SHARED
