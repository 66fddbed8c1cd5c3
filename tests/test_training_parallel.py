"""torchrun: two processes end where one does, with the same total batch."""

import subprocess
import sys

import pytest
import torch

from tests.pictures import write_pictures
from vidcolor.networks import new_network

WORDS = "--encoder-weights none --set palette_size=8 --set widths=[16,16,16] --size 64 --batch-size 4 --epochs 3"
MORE = "--held-out 2 --film-look 0.5 --workers 0 --device cpu --free-share 0.4 --check-every 5 --json"


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures"))


TORCHRUN = ("torch.distributed.run", "--standalone", "--nproc-per-node", "2")
CLOCKS_APART = """
import os, runpy
from vidcolor.training import run

run.KEEP_SECONDS = 0.0 if os.environ["RANK"] == "0" else 1e9
runpy.run_module("vidcolor", run_name="__main__")
"""


def launch(*launcher, pictures, out):
    command = [
        sys.executable,
        "-m",
        *launcher,
        "train",
        str(pictures),
        "--out",
        str(out),
        *WORDS.split(),
        *MORE.split(),
    ]
    return subprocess.run(command, capture_output=True, text=True, timeout=200)


def test_two_processes_train_what_one_does(pictures, tmp_path):
    one = launch("vidcolor", pictures=pictures, out=tmp_path / "one")
    two = launch(*TORCHRUN, "-m", "vidcolor", pictures=pictures, out=tmp_path / "two")
    assert (one.returncode, two.returncode) == (0, 0), one.stderr + two.stderr
    assert two.stdout.count('"samples": 33,\n  "minutes"') == 1
    states = [torch.load(tmp_path / name / "state.pt", weights_only=True)["learner"] for name in ("one", "two")]
    start = new_network("fusion", {"palette_size": 8, "widths": [16, 16, 16]}, "none").state_dict()
    for part, prefix in (("network", ""), ("average", "module.")):
        ends = [torch.cat([state[part][prefix + name].flatten() for name in start]) for state in states]
        way = ends[0] - torch.cat([tensor.flatten() for tensor in start.values()])
        assert (ends[0] - ends[1]).norm() < 0.01 * way.norm()


def test_processes_whose_clocks_differ_keep_the_state_together(pictures, tmp_path):
    (tmp_path / "apart.py").write_text(CLOCKS_APART)
    done = launch(*TORCHRUN, str(tmp_path / "apart.py"), pictures=pictures, out=tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert torch.load(tmp_path / "out" / "state.pt", weights_only=True)["counters"][0] == 33
