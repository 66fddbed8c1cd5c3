"""Settings: defaults, a network's recipe, a TOML file, what is typed; and where the weights come from."""

import math
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import torch

from tests.models import make_model
from vidcolor.checkpoint import load
from vidcolor.errors import ConfigError
from vidcolor.networks import NETWORKS
from vidcolor.training import TrainConfig, set_up, train
from vidcolor.training.config import TrainFile, compose, read_file, to_toml
from vidcolor.training.stages import plan_stages, stage_at

ROOT = Path(__file__).parents[1]
TINY = {"palette_size": 8, "widths": [16, 16, 16]}


def test_each_layer_overrules_the_one_before():
    config = compose({"rate": 1.0, "epochs": 3}, {"epochs": 4, "seed": 1}, {"seed": 2})
    assert (config.rate, config.epochs, config.seed, config.size) == (1.0, 4, 2, TrainConfig().size)


def test_epochs_take_back_the_minutes_below_them(tmp_path):
    (tmp_path / "run.toml").write_text("minutes = 0.5\nsize = 64")
    typed = set_up(tmp_path / "out", {"epochs": 3}, encoder_weights="none", file=tmp_path / "run.toml").config
    assert (typed.epochs, typed.minutes, typed.size) == (3, None, 64)
    assert compose({"minutes": 1.0}, {"epochs": 3}, {"size": 64}) == TrainConfig(epochs=3, size=64)
    assert compose({}, {"epochs": 3}, {"minutes": 2.0}).minutes == 2.0
    with pytest.raises(ConfigError, match="by epochs or by minutes: leave out one of them"):
        set_up(tmp_path / "out", {"epochs": 3, "minutes": 2.0})


def test_a_run_by_minutes_can_go_on_by_epochs(tmp_path):
    (tmp_path / "state.pt").touch()
    text = to_toml(TrainFile("mine", "fusion", TINY, asdict(TrainConfig(epochs=3, minutes=2.5))))
    assert "epochs" not in text
    for file in (text, f"epochs = 3\n{text}"):  # as earlier versions wrote it
        (tmp_path / "config.toml").write_text(file)
        assert set_up(tmp_path, {}, resume=True).config.minutes == 2.5
        assert set_up(tmp_path, {"epochs": 5}, resume=True).config == TrainConfig(epochs=5)


def rates(config):
    return config.rate, config.free_rate, config.encoder_rate, config.joint_rate


def test_a_rate_takes_those_of_later_stages_with_it():
    usual = TrainConfig()
    half = pytest.approx([rate / 2 for rate in rates(usual)])
    assert list(rates(compose({}, {"rate": usual.rate / 2}))) == half
    assert list(rates(compose({}, asdict(usual), {"rate": usual.rate / 2}))) == half
    assert rates(compose({}, asdict(usual), {"rate": usual.rate})) == rates(usual)
    assert compose({}, {"rate": 0.003, "free_rate": 0.7}).free_rate == 0.7
    assert compose({}, {"rate": 0.003}, {"free_rate": 0.7}).free_rate == 0.7
    assert compose({}, {"free_rate": 0.8}, {"rate": usual.rate / 2}).free_rate == pytest.approx(0.4)
    assert compose(NETWORKS["pix2pix"][0].recipe, {"rate": 1e-4}).joint_rate == pytest.approx(1e-4)
    assert compose(NETWORKS["kmeans"][0].recipe).free_rate == usual.free_rate
    with pytest.raises(ConfigError, match=r"^rate must be above 0, got -1"):
        compose({}, {"rate": 0}, {"rate": -1})


@pytest.mark.parametrize("path", sorted((ROOT / "benchmarks" / "fusion").iterdir()), ids=lambda path: path.stem)
def test_rates_of_a_recipes_file_stay_as_written(path):
    written = read_file(path).settings
    config = compose({}, written)
    assert {name: getattr(config, name) for name in written} == written
    assert compose({}, written, asdict(config)) == config


@pytest.mark.parametrize("arch", NETWORKS)
def test_every_recipe_is_made_of_known_settings(arch):
    recipe = NETWORKS[arch][0].recipe
    config = compose(recipe)
    assert {name: getattr(config, name) for name in recipe} == recipe


def test_settings_survive_their_file(tmp_path):
    config = TrainConfig(minutes=2.5, perceptual_weights='odd "name"\\.pth', layer_wise=True, seed=7)
    (tmp_path / "run.toml").write_text(to_toml(TrainFile("mine 🎬", "fusion", TINY, asdict(config))), "utf-8")
    written = read_file(tmp_path / "run.toml")
    assert (written.name, written.network, written.network_settings) == ("mine 🎬", "fusion", TINY)
    assert compose({}, written.settings) == config


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("rat = 1.0", "unknown setting 'rat'"),
        ("rate = 'fast'", "rate = 'fast' is of the wrong kind: it should be float"),
        ("epochs = 2.5", "epochs = 2.5 is of the wrong kind: it should be int"),
        ("epochs = true", "epochs = True is of the wrong kind"),
        ("size = 100", "size must be a multiple of 32 for fusion, got 100"),
        ("size = 76\n[network]\nname = 'cnn'", "size must be a multiple of 8 for cnn, got 76"),
        ("size = 24\n[network]\nname = 'cnn'", "size must be at least 32, got 24"),
        ("size = 0", "size must be at least 32, got 0"),
        ("grey = 'blue'", "grey must be one of 601"),
        ("critic_share = 0.7\njoint_share = 0.7", "must not exceed 1"),
        ("rate = ", "not a TOML file"),
        ("minutes = 0.0", "minutes must be above 0"),
        ("seed = -1", "seed must not be negative"),
        ("seed = 99999999999999999999", "seed must be below 4294967296, got 99999999999999999999"),
        ("rate = -1.0", "rate must be above 0"),
        ("zoom = 0.5", "zoom must be at least 1"),
        ("free_batch_size = -4", "free_batch_size must be at least 1"),
        ("network = 'cnn'", "write the network as a table"),
        ("size = 160\n[network]\nname = 'pix2pix'", "size must be a multiple of 128 for pix2pix, got 160"),
        ("stability = 1.0\nfree_share = 0.0", "perceptual, colorfulness and stability have no use"),
        (
            "critic_share = 0.1\n[network]\nname = 'kmeans'",
            "kmeans picks colours, so neither a critic nor a further loss",
        ),
        (
            "joint_share = 0.1\n[network]\nname = 'kmeans'",
            "kmeans picks colours, so neither a critic nor a further loss",
        ),
        ("stability = 1.0\n[network]\nname = 'kmeans'", "kmeans picks colours, so neither a critic nor a further loss"),
        ("[network]\npalette_size = 0", "palette_size must be at least 1, got 0"),
        ("[network]\nname = 'fusoin'", "unknown network 'fusoin'"),
        ("[network]\nname = ['fusion']", r"network = \['fusion'\] is of the wrong kind"),
        ("name = 3", "name = 3 is of the wrong kind"),
        ("[network]\npalette = 3", "unknown setting 'palette': network fusion knows palette_size, widths, "),
    ],
)
def test_what_is_wrong_in_a_file_is_said_in_one_line(tmp_path, text, complaint):
    (tmp_path / "run.toml").write_text(text)
    with pytest.raises(ConfigError, match=complaint) as caught:
        setup = set_up(tmp_path / "out", {}, encoder_weights="none", file=tmp_path / "run.toml")
        train(setup.network, [], tmp_path / "out", setup.config, setup.meta, device=torch.device("cpu"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(ConfigError, match=r"absent\.toml: cannot be read"):
        set_up(tmp_path, {}, file=tmp_path / "absent.toml")


def test_a_resumed_run_has_the_settings_it_left(tmp_path):
    config = TrainConfig(rate=0.1, epochs=3)
    (tmp_path / "config.toml").write_text(to_toml(TrainFile("mine", "fusion", TINY, asdict(config))))
    (tmp_path / "state.pt").touch()
    setup = set_up(tmp_path, {"epochs": 5}, resume=True)
    assert asdict(setup.config) == asdict(config) | {"epochs": 5}
    assert (setup.network.config.palette_size, setup.meta.name) == (8, "mine")


def test_a_run_may_start_from_a_model(tmp_path):
    model = make_model(tmp_path / "mine.safetensors")
    setup = set_up(tmp_path / "out", {}, start_from=str(model))
    weights = load(model)[0].state_dict()
    assert setup.meta.arch == "fusion"
    assert all((tensor == weights[name]).all() for name, tensor in setup.network.state_dict().items())
    with pytest.raises(ConfigError, match="is a fusion network, not cnn"):
        set_up(tmp_path / "out", {}, start_from=str(model), network="cnn")
    assert setup.knows_colors
    assert set_up(tmp_path / "out", {}, start_from=str(model), network_settings={"palette_size": 8}).knows_colors
    with pytest.raises(ConfigError, match="keeps its settings: leave out palette_size"):
        set_up(tmp_path / "out", {}, start_from=str(model), network_settings={"palette_size": 3})
    with pytest.raises(ConfigError, match="has its encoder: leave out --encoder-weights"):
        set_up(tmp_path / "out", {}, start_from=str(model), encoder_weights="absent.pth")


@pytest.mark.parametrize(
    ("settings", "has_encoder", "stages"),
    [
        ({}, True, [("frozen", 0.75), ("free", 1.0)]),
        ({}, False, [("free", 1.0)]),
        ({"free_share": 0.0}, True, [("frozen", 1.0)]),
        ({"free_share": 1.0}, True, [("free", 1.0)]),
        ({"joint_share": 1.0}, False, [("joint", 1.0)]),
        (
            {"free_share": 0.25, "critic_share": 0.125, "joint_share": 0.125},
            True,
            [("frozen", 0.5), ("free", 0.75), ("critic", 0.875), ("joint", 1.0)],
        ),
    ],
)
def test_the_stages_of_a_run(settings, has_encoder, stages):
    planned = plan_stages(TrainConfig(**settings), has_encoder)
    assert [(stage.name, pytest.approx(stage.end)) for stage in planned] == stages
    for stage in planned:
        assert stage_at(planned, stage.start) is stage
        assert [stage.done(share) for share in (stage.start, (stage.start + stage.end) / 2, stage.end)] == [0, 0.5, 1]
    assert stage_at(planned, 1.0) is planned[-1]


def test_every_option_of_train_is_a_setting_or_known_to_the_command():
    from vidcolor.cli import main
    from vidcolor.cli.train import NETWORK_SETTINGS

    own = {"sources", "network", "start_from", "config", "pairs", "encoder_weights", "out", "name", "device"}
    own |= {"resume", "quiet", "as_json", *NETWORK_SETTINGS}
    typed = {parameter.name for parameter in main.commands["train"].params} - own
    assert typed <= {field.name for field in fields(TrainConfig)}
    defaults = {option.name: option.show_default for option in main.commands["train"].params if option.name in typed}
    for name, shown in defaults.items():
        value = getattr(TrainConfig(), name)
        if isinstance(shown, str):
            assert shown == ("none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)), (
                name
            )


@pytest.mark.parametrize("name", ["minutes", "rate", "weight_decay", "gan_weight"])
def test_numbers_are_finite(name):
    for value in (math.inf, math.nan):
        with pytest.raises(ConfigError, match=f"{name} must be finite, got {value}"):
            TrainConfig(**{name: value})


def test_a_file_of_settings_may_begin_with_a_byte_order_mark(tmp_path):
    (tmp_path / "run.toml").write_text("epochs = 3\n", "utf-8-sig")
    assert read_file(tmp_path / "run.toml").settings == {"epochs": 3}


def test_a_name_that_cannot_be_printed_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="the name of a model must be printable"):
        set_up(tmp_path, {}, name="a\udcff")
