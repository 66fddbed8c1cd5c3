"""The trainer: it learns, caching changes nothing, it resumes, and it fails in one line."""

import json
from dataclasses import replace

import cv2
import pytest
import torch
from skimage import data as photos

from vidcolor import checkpoint
from vidcolor.checkpoint import new_meta
from vidcolor.data import PhotoViews, find_photos
from vidcolor.errors import ConfigError, InputError, VidcolorError
from vidcolor.feed import Feed, split_photos
from vidcolor.networks import build_network
from vidcolor.train import TrainConfig, train

CPU = torch.device("cpu")
QUICK = TrainConfig(epochs=1, size=64, batch_size=4, free_batch_size=4, check_every=8, workers=0, held_out=2)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("astronaut", "cat", "coffee", "rocket"):
        picture = getattr(photos, name)()[..., ::-1]
        for number, start in enumerate((0, 60, 120)):
            cv2.imwrite(str(folder / f"{name}{number}.png"), picture[start : start + 240, start : start + 240])
    return folder


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
    assert report.history[0]["stage"] == "frozen"
    assert report.history[-1]["stage"] == "free"
    best = min(report.history, key=lambda row: row["loss"])
    assert checkpoint.read_meta(tmp_path / "model.safetensors").metrics["loss"] == best["loss"]
    sheet = cv2.imread(str(sorted((tmp_path / "sheets").iterdir())[-1]))
    assert sheet.shape == (3 * 64, 64, 3)
    assert json.loads((tmp_path / "config.json").read_text())["rate"] == 5e-3


def test_the_encoder_is_frozen_first_and_freed_at_the_end(network, pictures, tmp_path):
    before = {name: tensor.clone() for name, tensor in network.encoder.state_dict().items()}
    seen = {}

    def look(progress):
        changed = any(not torch.equal(before[name], now) for name, now in network.encoder.state_dict().items())
        seen[progress.stage] = changed

    run(network, pictures, tmp_path, replace(QUICK, epochs=2, free_share=0.5), on_step=look)
    assert seen == {"frozen": False, "free": True}


def test_cached_and_uncached_training_agree(network, pictures, tmp_path):
    """Same views, same order: after two epochs the weights differ only by the cache's half precision."""
    config = replace(QUICK, epochs=4, free_share=0.25, held_out=1, check_every=1000)
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
    views = PhotoViews(find_photos([pictures]), 64)
    network.eval()
    feed = Feed(views, network, CPU, seed=0, workers=0)
    feed.keep_features(tmp_path, 2)
    first = list(feed.batches(0, 4))
    assert all(batch.features is None for batch in first)
    with torch.no_grad():
        computed = [network.encode(batch.lightness) for batch in first]
    for batch, features in zip(first, computed, strict=True):
        feed.remember(batch, features)
    again = list(feed.batches(0, 4))
    other_view = list(feed.batches(len(views), 4))
    assert all(batch.lightness is None for batch in again)
    assert all(batch.features is None for batch in other_view)
    for batch, features, fresh in zip(again, computed, first, strict=True):
        assert torch.allclose(batch.lab, fresh.lab, atol=0.1)
        for kept, tensor in zip(batch.features, features, strict=True):
            assert torch.allclose(kept, tensor, rtol=2e-3, atol=2e-3)


def test_a_run_that_is_stopped_and_resumed_ends_like_one_that_was_not(network, pictures, tmp_path):
    config = replace(QUICK, epochs=3, free_share=0.34)
    start = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    run(network, pictures, tmp_path / "whole", config)

    class Stop(Exception):
        pass

    def stop(progress):
        if progress.samples >= 19:
            raise Stop

    network.load_state_dict(start)
    with pytest.raises(Stop):
        run(network, pictures, tmp_path / "parts", config, on_step=stop)
    again = build_network("fusion", network.config.to_dict())
    report = run(again, pictures, tmp_path / "parts", config, resume=True)
    assert report.samples == 33
    states = [torch.load(tmp_path / name / "state.pt", weights_only=True)["network"] for name in ("whole", "parts")]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_run_with_other_pictures_is_not_resumed(network, pictures, tmp_path):
    run(network, pictures, tmp_path)
    with pytest.raises(ConfigError, match=r"'seed': 0.*'seed': 5"):
        run(network, pictures, tmp_path, replace(QUICK, seed=5, epochs=2), resume=True)


def test_features_of_an_earlier_run_are_not_taken_for_those_of_this_one(network, pictures, tmp_path):
    config = replace(QUICK, cache_features=True, free_share=0.0)

    class Stop(Exception):
        pass

    def stop(progress):
        raise Stop

    with pytest.raises(Stop):
        run(network, pictures, tmp_path / "used", config, on_step=stop)
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


def test_a_loss_that_is_no_number_stops_the_run(network, pictures, tmp_path):
    with torch.no_grad():
        network.head.bias.fill_(float("nan"))
    with pytest.raises(VidcolorError, match="diverged after 0 samples"):
        run(network, pictures, tmp_path)


def test_an_empty_folder_is_refused(network, tmp_path):
    with pytest.raises(InputError, match="no pictures"):
        run(network, tmp_path, tmp_path / "out")


@pytest.mark.parametrize("wrong", [{"size": 100}, {"epochs": 0}, {"free_share": 1.5}, {"batch_size": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        TrainConfig(**wrong)


def test_the_split_is_stable_disjoint_and_small(pictures):
    all_photos = find_photos([pictures])
    training, held_out = split_photos(all_photos, 512, seed=0)
    assert (len(training), len(held_out)) == (11, 1)
    assert not set(training) & set(held_out)
    assert split_photos(all_photos, 512, seed=0) == (training, held_out)
    assert split_photos(all_photos[:1], 512, seed=0) == (all_photos[:1], all_photos[:1])
