"""The contract of networks/base.py, for every network in NETWORKS, and what is special to each."""

import math

import pytest
import torch

from vidcolor.errors import ConfigError, MismatchedCheckpoint
from vidcolor.networks import NETWORKS, build_network, new_network
from vidcolor.networks.fusion import Fusion


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    built = build_network(request.param, {})
    built.learn_colors(torch.rand(3000, 3))
    return built.eval()


def usual_side(network):
    return max(64, network.multiple)


@torch.inference_mode()
def test_any_multiple_goes_in_and_comes_out_as_ab(network):
    side = usual_side(network)
    for height, width in ((side, side), (network.multiple, 3 * network.multiple)):
        ab = network.to_ab(network(torch.rand(1, 1, height, width) * 2 - 1))
        assert ab.shape == (1, 2, height, width)
        assert ab.dtype == torch.float32
        assert ab.abs().max() <= 128


@torch.inference_mode()
def test_forward_is_decode_of_encode(network):
    lightness = torch.rand(1, 1, usual_side(network), usual_side(network)) * 2 - 1
    assert torch.equal(network(lightness), network.decode(network.encode(lightness)))


@torch.inference_mode()
def test_frames_of_a_batch_do_not_see_each_other(network):
    lightness = torch.rand(2, 1, usual_side(network), usual_side(network)) * 2 - 1
    together = network.to_ab(network(lightness))
    alone = torch.cat([network.to_ab(network(one)) for one in lightness.split(1)])
    assert torch.allclose(together, alone, atol=0.05)


@torch.inference_mode()
def test_landmarks_halve_from_one_to_the_next(network):
    """`references` needs two, and the cells of the second to be quartered by the first."""
    side = usual_side(network)
    maps = network.landmarks(network.encode(torch.rand(2, 1, side, 2 * side) * 2 - 1))
    sizes = [one.shape[2:] for one in maps]
    assert len(maps) != 1 and all(len(one) == 2 for one in maps)
    assert sizes == [torch.Size((sizes[0][0] >> depth, sizes[0][1] >> depth)) for depth in range(len(maps))]
    assert bool(maps) is isinstance(network, Fusion)


def test_a_network_that_picks_colors_says_so(network):
    side = usual_side(network)
    raw = network(torch.rand(1, 1, side, side) * 2 - 1)
    assert network.to_ab(raw).requires_grad is not network.picks_colors


def test_loss_is_finite_falls_and_reaches_every_free_weight(network):
    """With the same dropout at every step, the pretrained part frozen, and steps too small to overshoot."""
    network.train()
    side = usual_side(network)
    lightness = torch.rand(2, 1, side, side) * 2 - 1
    lab = torch.full((2, 3, side // network.output_stride, side // network.output_stride), 20.0)
    frozen = {id(weight) for part in network.encoder_parts() for weight in part.parameters()}
    free = [weight for weight in network.parameters() if id(weight) not in frozen]
    with torch.no_grad():
        features = network.encode(lightness) if frozen else None
    optimizer = torch.optim.Adam(free, lr=1e-5)
    history = []
    for _ in range(4):
        torch.manual_seed(0)
        total = sum(network.loss(network.decode(features or network.encode(lightness)), lab).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(total.item())
    assert all(map(math.isfinite, history))
    assert history[-1] < history[0]
    assert all(weight.grad is not None for weight in free)


@torch.inference_mode()
def test_the_best_colors_are_of_the_right_size_and_grey_for_grey(network):
    side = usual_side(network)
    network.learn_colors(torch.linspace(0, 1, 3000)[:, None].expand(-1, 3))
    best = network.best_ab(torch.cat((torch.full((1, 1, side, side), 60.0), torch.zeros(1, 2, side, side)), dim=1))
    assert best.shape == (1, 2, side, side)
    assert best.abs().max() < 0.05


def test_a_config_rebuilds_the_network(network):
    name = next(name for name, (kind, _) in NETWORKS.items() if kind is type(network))
    again = build_network(name, network.config.to_dict())
    again.load_state_dict(network.state_dict(), strict=True)
    assert again.config == network.config


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(ConfigError, match=r"unknown network 'fusoin'.*fusion"):
        build_network("fusoin", {})
    with pytest.raises(ConfigError, match=r"unknown setting 'palette_siez': network fusion knows palette_size, widths"):
        build_network("fusion", {"palette_siez": 3})


@pytest.mark.parametrize(
    ("arch", "settings", "complaint"),
    [
        ("fusion", {"palette_size": "many"}, "palette_size = 'many' is of the wrong kind: it should be int"),
        ("fusion", {"palette_size": True}, "palette_size = True is of the wrong kind"),
        (
            "fusion",
            {"widths": [16, 16]},
            r"widths = \(16, 16\) is of the wrong kind: it should be tuple\[int, int, int\]",
        ),
        ("fusion", {"widths": [16, 16, 0]}, "widths must be at least 1, got 0"),
        ("fusion", {"temperature": 0}, "temperature must be at least 0.01, got 0"),
        ("fusion", {"temperature": math.nan}, "temperature must be at least 0.01, got nan"),
        ("fusion", {"saturation": math.inf}, "saturation must be at least 0, got inf"),
        ("fusion", {"caution": -1.0}, "caution must be at least 0, got -1"),
        ("fusion", {"palette_size": 10**20}, "network fusion cannot be built as large as .*: choose smaller settings"),
        ("kmeans", {"kernels": 10**18}, "network kmeans cannot be built as large as"),
        ("kmeans", {"palette_size": -1}, "palette_size must be at least 1, got -1"),
        ("kmeans", {"dropout": 1}, "dropout must be at least 0 and below 1, got 1"),
        ("pix2pix", {"dropout": 3}, "dropout must be at least 0 and below 1, got 3"),
        ("pix2pix", {"levels": 1}, "levels must be at least 2 and below 11, got 1"),
        ("pix2pix", {"levels": 64}, "levels must be at least 2 and below 11, got 64"),
        ("pix2pix", {"width": -1}, "width must be at least 1, got -1"),
        ("cnn", {"loss": 3}, "loss = 3 is of the wrong kind: it should be str"),
    ],
)
def test_settings_that_no_network_can_have_are_refused_in_one_line(arch, settings, complaint):
    with pytest.raises(ConfigError, match=complaint) as caught:
        build_network(arch, settings)
    assert "\n" not in str(caught.value)


def test_the_least_pix2pix_colors():
    network = build_network("pix2pix", {"levels": 2, "width": 1, "dropout": 0}).eval()
    assert network.to_ab(network(torch.zeros(1, 1, 4, 8))).shape == (1, 2, 4, 8)


@torch.inference_mode()
def test_fusion_is_steered_by_its_global_vector():
    torch.manual_seed(0)
    network = build_network("fusion", {}).eval()
    features = network.encode(torch.rand(1, 1, 64, 64))
    own = network.embed(features)
    assert own.shape == (1, 1280)
    assert torch.equal(network.decode(features), network.decode(features, own))
    assert not torch.equal(network.decode(features), network.decode(features, own + 1))


def test_a_new_network_depends_on_its_seed_alone():
    one, same, other = (new_network("cnn", {"loss": "mae"}, "none", seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(weight, same[name]) for name, weight in one.items())
    assert not torch.equal(one["encoder.0.weight"], other["encoder.0.weight"])


def test_a_network_starts_from_its_usual_weights_where_nothing_is_said(monkeypatch):
    asked = []
    monkeypatch.setattr(Fusion, "load_encoder", lambda self, source: asked.append(source))
    for weights in (None, "mine.pth", "none"):
        new_network("fusion", {"palette_size": 8}, weights)
    assert asked == ["torchvision", "mine.pth"]
    assert new_network("resnet18", {}).config.loss == "mse"  # "none" is usual there
    with pytest.raises(ConfigError, match="no pretrained encoder"):
        new_network("cnn", {}, "torchvision")


def test_tensorflow_padding_shifts_the_strided_convolutions():
    def grid(padding):
        network = build_network("fusion", {"encoder_padding": padding}).eval()
        return network.encode(torch.zeros(1, 1, 64, 64))[0].shape, network.state_dict().keys()

    assert grid("torch") == grid("tensorflow")
    strided = Fusion(NETWORKS["fusion"][1](encoder_padding="tensorflow")).encoder[0][0]
    picture = torch.zeros(1, 3, 8, 8)
    picture[..., 7, 7] = 1
    reference = torch.nn.functional.conv2d(torch.nn.functional.pad(picture, (0, 1, 0, 1)), strided.weight, stride=2)
    assert torch.equal(strided(picture), reference)


def test_encoder_weights_come_from_a_file(tmp_path):
    import torchvision
    from safetensors.torch import save_file

    file = tmp_path / "classifier.safetensors"
    source = torchvision.models.mobilenet_v2(weights=None)
    save_file(source.state_dict(), file)
    network = new_network("fusion", encoder_weights=str(file))
    assert torch.equal(network.encoder[0][0].weight, source.features[0][0].weight)

    save_file({"features.0.weight": torch.zeros(1)}, file)
    with pytest.raises(MismatchedCheckpoint, match="another classifier"):
        new_network("fusion", encoder_weights=str(file))
    with pytest.raises(ConfigError, match="no such file"):
        new_network("fusion", encoder_weights=str(tmp_path / "absent.safetensors"))
