"""The contract of networks/base.py, for every network in NETWORKS, and what is special to each."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from vidcolor.errors import ConfigError, MismatchedCheckpoint
from vidcolor.networks import NETWORKS, build_network, new_network
from vidcolor.networks.fusion import Fusion


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    built = build_network(request.param, {})
    built.learn_colors(torch.rand(3000, 3))
    return built.eval()


@torch.inference_mode()
def test_any_multiple_goes_in_and_comes_out_as_ab(network):
    for height, width in ((64, 64), (64, 96), (2 * network.multiple, 3 * network.multiple)):
        ab = network.to_ab(network(torch.rand(2, 1, height, width) * 2 - 1))
        assert ab.shape == (2, 2, height, width)
        assert ab.dtype == torch.float32
        assert ab.abs().max() <= 128


@torch.inference_mode()
def test_forward_is_decode_of_encode(network):
    lightness = torch.rand(2, 1, 64, 64) * 2 - 1
    assert torch.equal(network(lightness), network.decode(network.encode(lightness)))


@torch.inference_mode()
def test_frames_of_a_batch_do_not_see_each_other(network):
    lightness = torch.rand(3, 1, 64, 64) * 2 - 1
    together = network.to_ab(network(lightness))
    alone = torch.cat([network.to_ab(network(one)) for one in lightness.split(1)])
    assert torch.allclose(together, alone, atol=0.05)


def test_loss_is_finite_falls_and_reaches_every_free_weight(network):
    network.train()
    lightness = torch.rand(4, 1, 64, 64) * 2 - 1
    lab = torch.full((4, 3, 64 // network.output_stride, 64 // network.output_stride), 20.0)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    history = []
    for _ in range(4):
        total = sum(network.loss(network(lightness), lab).values())
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(total.item())
    assert history[-1] < history[0]
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_a_config_rebuilds_the_network(network):
    name = next(name for name, (kind, _) in NETWORKS.items() if kind is type(network))
    again = build_network(name, network.config.to_dict())
    again.load_state_dict(network.state_dict(), strict=True)
    assert again.config == network.config


def test_unknown_names_and_settings_are_refused():
    with pytest.raises(ConfigError, match=r"unknown network 'fusoin'.*fusion"):
        build_network("fusoin", {})
    with pytest.raises(ConfigError, match="palette_siez"):
        build_network("fusion", {"palette_siez": 3})


def test_fusion_stays_within_its_cost():
    network = build_network("fusion", {}).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, 256, 256))
    assert counter.get_total_flops() / 2 <= 2e9
    assert sum(parameter.numel() for parameter in network.parameters()) <= 7e6


@torch.inference_mode()
def test_fusion_is_steered_by_its_global_vector():
    torch.manual_seed(0)
    network = build_network("fusion", {}).eval()
    features = network.encode(torch.rand(1, 1, 64, 64))
    own = network.embed(features)
    assert own.shape == (1, 1280)
    assert torch.equal(network.decode(features), network.decode(features, own))
    assert not torch.equal(network.decode(features), network.decode(features, own + 1))


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
    network = new_network("fusion", str(file))
    assert torch.equal(network.encoder[0][0].weight, source.features[0][0].weight)

    save_file({"features.0.weight": torch.zeros(1)}, file)
    with pytest.raises(MismatchedCheckpoint, match="another classifier"):
        new_network("fusion", str(file))
    with pytest.raises(ConfigError, match="no such file"):
        new_network("fusion", str(tmp_path / "absent.safetensors"))
