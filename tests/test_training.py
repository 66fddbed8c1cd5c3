"""The trainer: it learns, caching changes nothing, it resumes, and it fails in one line."""

import csv
import shutil
import signal
from dataclasses import replace
from itertools import pairwise

import cv2
import pytest
import torch
from safetensors import safe_open

from tests.pictures import write_pictures
from vidcolor import checkpoint
from vidcolor.checkpoint import new_meta
from vidcolor.data import PhotoViews
from vidcolor.errors import ConfigError, DamagedCheckpoint, InputError, OutputError, VidcolorError
from vidcolor.networks import build_network
from vidcolor.originals import find_originals
from vidcolor.parallel import Group
from vidcolor.photos import find_photos
from vidcolor.training import TrainConfig, train
from vidcolor.training.config import read_file
from vidcolor.training.feed import Feed, split_photos
from vidcolor.training.folder import RunFolder
from vidcolor.training.learner import Learner
from vidcolor.training.record import Record
from vidcolor.training.stages import Stage
from vidcolor.training.validation import Scores

CPU = torch.device("cpu")
ALONE = Group()
QUICK = TrainConfig(epochs=1, size=64, batch_size=4, check_every=8, workers=0, held_out=2)


class Stop(Exception):
    """The plug is pulled."""


@pytest.fixture(autouse=True)
def one_thread():
    """Two add up in an order that differs from run to run, and with it the last digit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def stop_at(samples):
    """Of a run, as its `on_step`."""

    def stop(progress):
        if progress.samples >= samples:
            raise Stop

    return stop


def assert_same_end(one, other):
    """Both runs left the same weights, and the same running average of them."""
    ends = [torch.load(folder / "state.pt", weights_only=True)["learner"] for folder in (one, other)]
    for part in ("network", "average"):
        assert all(torch.equal(tensor, ends[1][part][name]) for name, tensor in ends[0][part].items())


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return write_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build_network("fusion", {"palette_size": 8, "widths": [16, 16, 16]})


def run(network, pictures, out, config=QUICK, **options):
    meta = new_meta("small", "fusion", network)
    return train(network, [pictures], out, config, meta, device=CPU, **options)


def weights(out):
    return checkpoint.load(out / "model.safetensors")[0].state_dict()


def test_training_lowers_the_loss_and_leaves_a_whole_run_behind(network, pictures, tmp_path):
    config = replace(QUICK, epochs=6, check_every=22, free_share=0.2, rate=5e-3)
    losses = []
    report = run(network, pictures, tmp_path, config, on_step=lambda step: losses.append(sum(step.losses.values())))
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])
    assert report.samples == 6 * 11
    assert report.pictures == 11 and sum(report.left_out.values()) == 0
    assert report.history[0]["stage"] == "frozen"
    assert report.history[-1]["stage"] == "free"
    best = min(report.history, key=lambda row: row["loss"])
    assert checkpoint.read_meta(tmp_path / "model.safetensors").metrics["loss"] == best["loss"]
    sheet = cv2.imread(str(sorted((tmp_path / "sheets").iterdir())[-1]))
    assert sheet.shape == (3 * 64, 64, 3)
    assert read_file(tmp_path / "config.toml").settings["rate"] == 5e-3
    with open(tmp_path / "curves.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["samples"]) for row in rows] == [row["samples"] for row in report.history]
    assert float(rows[-1]["train_huber"]) == report.history[-1]["train_huber"] > 0
    strip = cv2.imread(str(tmp_path / "progress.png"))
    assert strip.shape == (24 + 128, (2 + len(rows)) * 128, 3)


def test_the_encoder_is_frozen_first_and_freed_at_the_end(network, pictures, tmp_path):
    before = {name: tensor.clone() for name, tensor in network.encoder.state_dict().items()}
    seen = {}

    def look(progress):
        changed = any(not torch.equal(before[name], now) for name, now in network.encoder.state_dict().items())
        seen[progress.stage] = changed

    run(network, pictures, tmp_path, replace(QUICK, epochs=2, free_share=0.5), on_step=look)
    assert seen == {"frozen": False, "free": True}


@pytest.mark.parametrize(
    ("free_share", "steps"), [(0.0, [4, 8, 11]), (0.3, [4, 8, 10, 11]), (1.0, [2, 4, 6, 8, 10, 11])]
)
def test_steps_have_another_size_once_the_encoder_is_free(free_share, steps, network, pictures, tmp_path):
    config, seen = replace(QUICK, free_share=free_share, free_batch_size=2), []
    run(network, pictures, tmp_path, config, on_step=lambda progress: seen.append(progress.samples))
    assert seen == steps


def test_without_an_encoder_all_steps_have_one_size(pictures, tmp_path):
    network = build_network("cnn", {})
    config, seen = replace(QUICK, size=32, free_batch_size=2, critic_share=0.5), []
    meta = new_meta("plain", "cnn", network)
    train(network, [pictures], tmp_path, config, meta, device=CPU, on_step=lambda step: seen.append(step.samples))
    assert seen == [4, 8, 11]


@pytest.mark.parametrize("layer_wise", [False, True])
def test_shallow_parts_can_be_held_when_the_encoder_is_free(layer_wise, network, pictures, tmp_path):
    layers = {f"encoder.{number}": layer for number, layer in enumerate(network.encoder)}
    layers |= {"head": network.head}
    before = {name: [weight.clone() for weight in layer.parameters()] for name, layer in layers.items()}
    config = replace(QUICK, epochs=4, free_share=1.0, hold_shallow=True, layer_wise=layer_wise)
    run(network, pictures, tmp_path, config)
    learned = {name for name, layer in layers.items() if not all(map(torch.equal, before[name], layer.parameters()))}
    assert learned == set(layers) - {"encoder.0", "encoder.1", "encoder.2", "encoder.3"}


def wake(network):
    """Give the norms of a fresh encoder the statistics of their input, for features as large as a trained one's."""
    for norm in (module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        norm.momentum = None
    network.train()
    with torch.no_grad():
        network(torch.rand(4, 1, 64, 64) * 2 - 1)


@pytest.mark.parametrize("arch, rate", [("fusion", 1.5e-3), ("fusion-koala", 1e-4)])
def test_cached_and_uncached_training_agree(arch, rate, network, pictures, tmp_path):
    """Same views, same order: what remains is the cache's half precision."""
    if arch == "fusion-koala":
        network = build_network(arch, {"classifier": "squeezenet1_0"})
    wake(network)
    config = replace(QUICK, epochs=4, free_share=0.25, held_out=1, check_every=1000, rate=rate)
    fresh = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    results = []
    for cached in (False, True):
        network.load_state_dict(fresh)
        losses = []
        run(
            network,
            pictures,
            tmp_path / str(cached),
            replace(config, cache_features=cached, cache_views=4),
            on_step=lambda progress, losses=losses: losses.append(sum(progress.losses.values())),
        )
        results.append(torch.tensor(losses))
    assert len(results[0]) >= 12
    assert torch.allclose(*results, rtol=0.01)


def test_the_cache_gives_back_what_the_encoder_gave(network, pictures, tmp_path):
    views = PhotoViews(find_photos([pictures], tmp_path), 64)
    network.eval()
    feed = Feed(views, network, CPU, ALONE, seed=0, workers=0)
    feed.keep_features(tmp_path / "features", 2)
    first = list(feed.batches(0, 4))
    assert all(batch.features is None for batch in first)
    with torch.no_grad():
        computed = [network.encode(batch.lightness) for batch in first]
    for batch, features in zip(first, computed, strict=True):
        kept = feed.remember(batch, features)
        assert all(
            torch.allclose(one, other, rtol=2e-3, atol=2e-3) for one, other in zip(kept.features, features, strict=True)
        )
    again = list(feed.batches(0, 4))
    other_view = list(feed.batches(len(views), 4))
    assert all(batch.lightness is None for batch in again)
    assert all(batch.features is None for batch in other_view)
    for batch, features, fresh in zip(again, computed, first, strict=True):
        assert torch.allclose(batch.lab, fresh.lab, atol=0.1)
        for kept, tensor in zip(batch.features, features, strict=True):
            assert torch.allclose(kept, tensor, rtol=2e-3, atol=2e-3)


class Ignored:
    """Which signals the process ignores that asks for it."""

    def __getitem__(self, index):
        names = [name for name in ("SIGHUP", "SIGINT", "SIGTERM") if hasattr(signal, name)]
        return torch.tensor([signal.getsignal(getattr(signal, name)) == signal.SIG_IGN for name in names])


def test_what_loads_the_photos_leaves_signals_to_the_trainer():
    (ignored,) = Feed(Ignored(), None, CPU, ALONE, seed=0, workers=1)._loader([[0]])
    assert ignored.all()


def test_a_run_that_is_stopped_and_resumed_ends_like_one_that_was_not(network, pictures, tmp_path):
    config = replace(QUICK, epochs=3, free_share=0.34)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    run(network, pictures, tmp_path / "whole", config)

    network.load_state_dict(start)
    with pytest.raises(Stop):
        run(network, pictures, tmp_path / "parts", config, on_step=stop_at(19))
    again = build_network("fusion", network.config.to_dict())
    report = run(again, pictures, tmp_path / "parts", config, resume=True)
    assert report.samples == 33
    assert_same_end(tmp_path / "whole", tmp_path / "parts")


@pytest.mark.parametrize("critic_share", [0.0, 0.2])
def test_a_duel_that_begins_a_resumed_run_is_measured_as_in_one_that_was_not(critic_share, network, pictures, tmp_path):
    config = replace(QUICK, epochs=2, free_share=0.0, critic_share=critic_share, joint_share=0.2, check_every=1000)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    torch.manual_seed(1)  # of the critic
    run(network, pictures, tmp_path / "whole", config)

    def stop(progress):
        if progress.share >= 0.8:
            raise KeyboardInterrupt

    network.load_state_dict(start)
    torch.manual_seed(1)
    with pytest.raises(KeyboardInterrupt):
        run(network, pictures, tmp_path / "parts", config, on_step=stop)
    run(build_network("fusion", network.config.to_dict()), pictures, tmp_path / "parts", config, resume=True)
    whole, parts = (
        torch.load(tmp_path / name / "state.pt", weights_only=True)["record"] for name in ("whole", "parts")
    )
    for row in whole["history"] + parts["history"]:
        del row["minutes"]
    assert [row["stage"] for row in whole["history"]][-2:] == ["critic" if critic_share else "frozen", "joint"]
    assert parts == whole
    assert_same_end(tmp_path / "whole", tmp_path / "parts")


def test_a_run_with_other_pictures_is_not_resumed(network, pictures, tmp_path):
    run(network, pictures, tmp_path)
    with pytest.raises(ConfigError, match=r"seed 0, this one 5"):
        run(network, pictures, tmp_path, replace(QUICK, seed=5, epochs=2), resume=True)


def test_two_do_not_train_in_one_folder(network, pictures, tmp_path):
    """Neither anew, where there is no model yet to tell of the other, nor with --resume beside a run believed dead."""
    refused = []

    def meddle(progress):
        for resume in (False, True):
            with pytest.raises(ConfigError) as caught:
                run(network, pictures, tmp_path, resume=resume)
            refused.append(str(caught.value))

    run(network, pictures, tmp_path, on_step=meddle)
    assert len(refused) > 2
    assert set(refused) == {f"{tmp_path}: another process trains there; wait for it, or choose another --out"}
    run(network, pictures, tmp_path, replace(QUICK, epochs=2), resume=True)


def test_a_folder_with_a_run_is_not_written_over(network, pictures, tmp_path):
    run(network, pictures, tmp_path)
    before = (tmp_path / "model.safetensors").read_bytes()
    with pytest.raises(ConfigError, match=r"holds a run already.*--resume"):
        run(network, pictures, tmp_path)
    assert (tmp_path / "model.safetensors").read_bytes() == before


def test_features_of_an_earlier_run_are_not_taken_for_those_of_this_one(network, pictures, tmp_path):
    config = replace(QUICK, cache_features=True, free_share=0.0)

    with pytest.raises(Stop):
        run(network, pictures, tmp_path / "used", config, on_step=stop_at(1))
    for name in ("state.pt", "model.safetensors"):
        (tmp_path / "used" / name).unlink()
    torch.manual_seed(7)
    other = build_network("fusion", network.config.to_dict())
    fresh = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    losses = {}
    for folder in ("used", "new"):
        other.load_state_dict(fresh)
        seen = losses.setdefault(folder, [])
        run(
            other,
            pictures,
            tmp_path / folder,
            config,
            on_step=lambda step, seen=seen: seen.append(step.losses["huber"]),
        )
        assert not (tmp_path / folder / "features").exists()
    assert losses["used"] == losses["new"]


def test_files_that_are_not_the_cache_stay(network, pictures, tmp_path):
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "mine.txt").write_text("precious")
    run(network, pictures, tmp_path, replace(QUICK, cache_features=True))
    assert [path.name for path in (tmp_path / "features").iterdir()] == ["mine.txt"]


def test_resume_without_a_run_is_refused(network, pictures, tmp_path):
    with pytest.raises(ConfigError, match="no run to resume"):
        run(network, pictures, tmp_path, resume=True)


def test_a_loss_that_is_no_number_stops_the_run_and_the_batch_is_kept(network, pictures, tmp_path):
    with torch.no_grad():
        network.head.bias.fill_(float("nan"))
    with pytest.raises(VidcolorError, match=r"diverged after 0 samples at rate .*nan.*diverged.safetensors"):
        run(network, pictures, tmp_path, replace(QUICK, batch_size=3))
    with safe_open(tmp_path / "diverged.safetensors", "pt") as file:
        assert file.get_tensor("lightness").shape == (3, 1, 64, 64)
        assert file.get_tensor("lab").shape == (3, 3, 16, 16)
        assert file.metadata()["pictures"].count(".png: 0") == 3


def test_a_stop_leaves_no_trace_where_features_are_cached(network, pictures, tmp_path):
    config = replace(QUICK, epochs=3, free_share=0.0, cache_features=True, check_every=1000)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    run(network, pictures, tmp_path / "whole", config)

    network.load_state_dict(start)
    with pytest.raises(Stop):
        run(network, pictures, tmp_path / "parts", config, on_step=stop_at(8))
    run(build_network("fusion", network.config.to_dict()), pictures, tmp_path / "parts", config, resume=True)
    assert_same_end(tmp_path / "whole", tmp_path / "parts")


def test_a_lower_rate_is_heeded_by_a_resumed_run(network, pictures, tmp_path):
    constant = replace(QUICK, schedule="constant", free_share=0.0, rate=1e-3)
    run(network, pictures, tmp_path, constant)
    report = run(network, pictures, tmp_path, replace(constant, rate=1e-5, epochs=2), resume=True)
    assert [row["rate"] for row in report.history] == pytest.approx([1e-3, 1e-3, 1e-5, 1e-5])


def test_what_is_asked_of_a_resumed_learner_is_heeded(network):
    early = replace(QUICK, schedule="plateau", patience=1, rate=1e-3, joint_share=0.5)
    late = replace(early, patience=50, momentum=0.5, weight_decay=0.1, critic_rate=1e-5)
    left, learner = Learner(network, early, CPU, ALONE), Learner(network, late, CPU, ALONE)
    for one in (left, learner):
        one.enter(Stage("frozen", 0, 1))
    for _ in range(3):
        left.notice(1.0)
    assert left.rate == 1e-4
    learner.restore(left.state())
    for _ in range(20):
        learner.notice(1.0)
    (group,), (critics,) = learner.optimizer.param_groups, learner.adversary.optimizer.param_groups
    assert (group["lr"], group["betas"][0], group["weight_decay"]) == (1e-4, 0.5, 0.1)
    assert critics["lr"] == 1e-5


def test_a_run_that_ended_early_can_go_on(network, pictures, tmp_path):
    config = replace(QUICK, epochs=50, rate=1e-12, free_rate=1e-12, encoder_rate=1e-12, ema=0.0, early_stop=2)
    ended = run(network, pictures, tmp_path, config).samples
    on = replace(config, early_stop=0, epochs=ended // 11 + 2)
    assert run(network, pictures, tmp_path, on, resume=True).samples == on.epochs * 11


def test_other_pictures_of_the_same_number_are_another_run(network, pictures, tmp_path):
    copies = tmp_path / "copies"
    shutil.copytree(pictures, copies)
    run(network, copies, tmp_path / "run")
    (copies / "cat0.png").rename(copies / "cat9.png")
    with pytest.raises(ConfigError, match="digest of the pictures"):
        run(network, copies, tmp_path / "run", replace(QUICK, epochs=2), resume=True)


def test_what_the_run_leaves_is_not_taken_for_pictures(network, pictures, tmp_path):
    copies = tmp_path / "copies"
    shutil.copytree(pictures, copies)
    run(network, copies, copies / "run")
    assert run(network, copies, copies / "run", replace(QUICK, epochs=2), resume=True).pictures == 11
    again = run(network, copies, copies / "other")
    assert (again.pictures, again.left_out) == (11, {})
    assert len(find_originals([copies])[0]) == 12


def test_a_network_that_was_trained_keeps_its_palette(network, pictures, tmp_path):
    palette = torch.arange(16.0).view(8, 2)
    network.palette.copy_(palette)
    run(network, pictures, tmp_path, knows_colors=True)
    assert torch.equal(weights(tmp_path)["palette"], palette)


@pytest.mark.parametrize(
    "settings",
    [
        {"free_share": 1.0, "colorfulness": 0.1, "stability": 0.1},
        {"overfit_one": True, "epochs": 1},
        {"critic_share": 0.5, "joint_share": 0.5},
        {"joint_share": 1.0},
    ],
)
def test_a_network_that_was_trained_is_the_model_to_beat(settings, network, pictures, tmp_path):
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    config = replace(QUICK, **settings)
    with pytest.raises(Stop):
        run(network, pictures, tmp_path, config, knows_colors=True, on_step=stop_at(1))
    assert all(torch.equal(tensor.half(), start[name].half()) for name, tensor in weights(tmp_path).items())
    assert (tmp_path / "sheets" / "000000000.png").exists() and (tmp_path / "progress.png").exists()
    again = build_network("fusion", network.config.to_dict())
    history = run(again, pictures, tmp_path, config, resume=True).history
    assert [row["samples"] for row in history[:2]] == [0, 8]
    with open(tmp_path / "curves.csv", newline="") as file:
        assert next(csv.DictReader(file))["samples"] == "0"


def test_a_run_that_only_gets_worse_keeps_what_it_began_with(network, pictures, tmp_path):
    run(network, pictures, tmp_path / "first", replace(QUICK, epochs=4))
    start, _ = checkpoint.load(tmp_path / "first" / "model.safetensors")
    before = {name: tensor.clone() for name, tensor in start.state_dict().items()}
    history = run(start, pictures, tmp_path / "then", replace(QUICK, rate=0.5), knows_colors=True).history
    assert min(row["loss"] for row in history[1:]) > history[0]["loss"]
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(tmp_path / "then").items())


def test_a_gradient_that_is_no_number_leaves_the_weights_alone(network, pictures, tmp_path):
    before = {name: tensor.clone() for name, tensor in network.named_parameters()}
    handle = network.head.weight.register_hook(lambda gradient: gradient * float("nan"))
    with pytest.raises(VidcolorError, match="diverged after 0 samples"):
        run(network, pictures, tmp_path)
    handle.remove()
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.named_parameters())


def test_whoever_interrupts_between_steps_loses_no_step(network, pictures, tmp_path):
    def stop(progress):
        if progress.samples >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(network, pictures, tmp_path, replace(QUICK, check_every=1000), on_step=stop)
    seen = []
    again = build_network("fusion", network.config.to_dict())
    run(again, pictures, tmp_path, resume=True, on_step=lambda progress: seen.append(progress.samples))
    assert seen == [8, 11]


def test_a_full_disk_leaves_the_last_checkpoint(network, pictures, tmp_path):
    resource = pytest.importorskip("resource")
    run(network, pictures, tmp_path, replace(QUICK, epochs=1))
    before = {name: (tmp_path / name).read_bytes() for name in ("model.safetensors", "state.pt")}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(OutputError, match=r"cannot be written \(File too large\)$"):
            run(network, pictures, tmp_path, replace(QUICK, epochs=2), resume=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert run(network, pictures, tmp_path, replace(QUICK, epochs=2), resume=True).samples == 22


def test_a_full_disk_at_the_state_is_one_line(tmp_path):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        with pytest.raises(OutputError, match=r"state.pt: cannot be written \([^\n]*\); check the free space$"):
            RunFolder(tmp_path).save_state({"weights": torch.zeros(1_000_000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_state_is_refused_in_one_line(network, pictures, tmp_path):
    run(network, pictures, tmp_path)
    (tmp_path / "state.pt").write_bytes(b"not a state")
    with pytest.raises(DamagedCheckpoint, match=r"state.pt: cannot be read"):
        run(network, pictures, tmp_path, resume=True)


def test_the_run_of_another_network_is_not_resumed(network, pictures, tmp_path):
    run(network, pictures, tmp_path)
    other = build_network("fusion", network.config.to_dict() | {"palette_size": 9})
    with pytest.raises(ConfigError, match=r"network settings.*'palette_size': 8.*'palette_size': 9"):
        run(other, pictures, tmp_path, resume=True)


def test_kept_epochs_lie_side_by_side(network, pictures, tmp_path):
    run(network, pictures, tmp_path, replace(QUICK, epochs=4, keep_every=2, check_every=1000))
    assert [path.name for path in sorted((tmp_path / "epochs").iterdir())] == ["0002.safetensors", "0004.safetensors"]
    assert checkpoint.load(tmp_path / "epochs" / "0002.safetensors")[1].metrics["psnr"] > 0
    assert cv2.imread(str(tmp_path / "epochs.png")).shape == (24 + 128, 4 * 128, 3)


def test_a_run_that_gets_no_better_ends_early(network, pictures, tmp_path):
    config = replace(QUICK, epochs=50, rate=1e-12, free_rate=1e-12, encoder_rate=1e-12, ema=0.0, early_stop=2)
    assert run(network, pictures, tmp_path, config).samples < 50 * 11


def test_a_plateau_lowers_the_rate(network):
    learner = Learner(network, replace(QUICK, schedule="plateau", patience=2, rate=1e-3), CPU, ALONE)
    learner.enter(Stage("frozen", 0, 1))
    rates = []
    for loss in (1.0, 0.9, 0.91, 0.92, 0.93, 0.8, 0.81, 0.82, 0.83):
        learner.notice(loss)
        rates.append(learner.rate)
    assert rates == pytest.approx([1e-3] * 4 + [1e-4] * 4 + [1e-5])


def test_layers_join_one_at_a_time_from_the_last(network, pictures, tmp_path):
    config = replace(QUICK, epochs=8, layer_wise=True, free_share=0.0, check_every=1000)
    before = {name: tensor.clone() for name, tensor in network.named_parameters()}
    learned = []

    def look(progress):
        changed = {name for name, tensor in network.named_parameters() if not torch.equal(tensor, before[name])}
        learned.append(changed)

    run(network, pictures, tmp_path, config, on_step=look)
    assert learned[0] <= {"head.weight", "head.bias"}
    assert all(earlier <= later for earlier, later in pairwise(learned))
    assert len(learned[0]) < len(learned[5]) < len(learned[-1])
    assert learned[-1] == {name for name in before if not name.startswith("encoder.")}


def test_one_picture_is_learned(pictures, tmp_path):
    network = build_network("resnet18", {})
    config = replace(
        QUICK, overfit_one=True, size=32, epochs=20, rate=3e-3, weight_decay=0.0, ema=0.95, check_every=999
    )
    report = train(network, [pictures], tmp_path, config, new_meta("one", "resnet18", network), device=CPU)
    assert report.pictures == 64
    assert report.best_psnr - 1 < report.history[-1]["psnr"] < report.best_psnr + 0.5


def losses_by_stage(network, pictures, out, config):
    """A run's stages and the names of their losses."""
    stages = {}
    run(network, pictures, out, config, on_step=lambda step: stages.setdefault(step.stage, set()).update(step.losses))
    return stages


def test_a_duel_is_judged_by_its_colours_against_what_was_before_it():
    before = Scores(1.0, 24.0, 23.0, 20.0, 40.0, 0.7)
    record = Record()
    record.judge(before)
    record.close(before, {})
    record.enter(duel=True)
    assert record.judge(replace(before, loss=2.0, colorfulness=30.0))
    assert [record.judge(replace(before, colorfulness=found)) for found in (28.0, 60.0)] == [False, False]
    assert record.stale == 2


def test_a_truth_without_colour_has_a_score():
    none, some = (Scores(1.0, 24.0, 23.0, colorfulness, 0.0, 0.7) for colorfulness in (0.0, 3.0))
    assert (none.vividness, none.flaw) == (0, 1)
    assert some.flaw > none.flaw


def test_a_network_alone_then_its_critic_then_both(network, pictures, tmp_path):
    config = replace(QUICK, epochs=10, free_share=0.2, critic_share=0.2, joint_share=0.2, patience=50, check_every=1000)
    stages = losses_by_stage(network, pictures, tmp_path, config)
    own = {"palette", "huber"}
    assert stages == {"frozen": own, "free": own, "critic": {"critic"}, "joint": own | {"adversary", "critic"}}


def test_the_critic_alone_leaves_the_network_as_it_is(network, pictures, tmp_path):
    config = replace(QUICK, epochs=4, free_share=0.0, critic_share=0.5, check_every=1000)
    seen = {}

    def look(progress):
        seen.setdefault(progress.stage, []).append({n: t.clone() for n, t in network.state_dict().items()})

    run(network, pictures, tmp_path, config, on_step=look)
    first, last = seen["critic"][0], seen["critic"][-1]
    assert len(seen["critic"]) > 2
    assert all(torch.equal(first[name], last[name]) for name in first)


def test_extra_terms_join_when_every_weight_is_free(network, pictures, tmp_path):
    config = replace(QUICK, epochs=2, free_share=0.5, colorfulness=0.1, stability=0.1)
    stages = losses_by_stage(network, pictures, tmp_path, config)
    assert stages["frozen"] == {"palette", "huber"}
    assert stages["free"] == {"palette", "huber", "colorfulness", "stability"}


def test_the_best_is_judged_by_the_colourfulness_that_is_asked_for_too(network, pictures, tmp_path):
    start, first = {name: tensor.clone() for name, tensor in network.state_dict().items()}, []
    for weight in (0.0, 0.5):
        network.load_state_dict(start)
        config = replace(QUICK, free_share=1.0, colorfulness=weight)
        first.append(run(network, pictures, tmp_path / str(weight), config, knows_colors=True).history[0])
    gap = abs(first[0]["colorfulness"] / first[0]["colorfulness_of_truth"] - 1)
    assert first[1]["loss"] - first[0]["loss"] == pytest.approx(0.5 * gap, rel=0.1)


def test_what_is_added_to_the_loss_of_a_resumed_run_is_judged_anew(network, pictures, tmp_path):
    config = replace(QUICK, free_share=1.0)
    run(network, pictures, tmp_path, config)
    history = run(network, pictures, tmp_path, replace(config, colorfulness=9.0, epochs=2), resume=True).history
    best = torch.load(tmp_path / "state.pt", weights_only=True)["record"]["best"]
    assert best == min(row["loss"] for row in history[2:]) > max(row["loss"] for row in history[:2])


def test_an_empty_folder_is_refused(network, tmp_path):
    with pytest.raises(InputError, match="no pictures"):
        run(network, tmp_path, tmp_path / "out")


@pytest.mark.parametrize("wrong", [{"size": 24}, {"epochs": 0}, {"free_share": 1.5}, {"batch_size": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainConfig(**wrong)


def test_the_split_is_stable_disjoint_and_small(pictures):
    all_photos = find_photos([pictures], pictures)
    training, held_out = split_photos(all_photos, 512, seed=0)
    assert (len(training), len(held_out)) == (11, 1)
    assert not set(training) & set(held_out)
    assert split_photos(all_photos, 512, seed=0) == (training, held_out)
    assert split_photos(all_photos[:1], 512, seed=0) == (all_photos[:1], all_photos[:1])
