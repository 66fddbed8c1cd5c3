"""The classifiers that `fusion` can stand on."""

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save_file
from torch.utils.flop_counter import FlopCounterMode

from vidcolor.errors import ConfigError, MismatchedCheckpoint
from vidcolor.networks import build_network, new_network
from vidcolor.networks.encoder import ENCODERS

LITE = {"encoder": "efficientnet_lite2"}


@pytest.fixture(scope="module")
def classifier():
    """With batch norms that have seen pictures."""
    torch.manual_seed(0)
    classifier = timm.create_model("tf_efficientnet_lite2", pretrained=False)
    with torch.no_grad():
        classifier.train()(torch.rand(4, 3, 96, 96))
    return classifier.eval()


@pytest.fixture(params=[*({"encoder": name} for name in ENCODERS), {"encoder_padding": "tensorflow"}], ids=str)
def network(request):
    torch.manual_seed(0)
    return build_network("fusion", request.param).eval()


def test_fusion_stays_within_its_cost(network):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.zeros(1, 1, 256, 256))
    assert counter.get_total_flops() / 2 <= 2e9
    assert sum(parameter.numel() for parameter in network.parameters()) <= 6e6


@torch.inference_mode()
def test_features_halve_from_stride_4_to_32(network):
    shapes = [tuple(feature.shape[1:]) for feature in network.encode(torch.rand(1, 1, 64, 96) * 2 - 1)]
    sides = ((16, 24), (8, 12), (4, 6), (2, 3))
    assert shapes[:4] == [(channels, *side) for channels, side in zip(network.plan.channels, sides, strict=True)]
    assert shapes[4] == (1280, 1, 1)


def test_every_layer_of_a_free_encoder_learns(network):
    network.train()
    network.learn_colors(torch.rand(3000, 3))
    raw = network(torch.rand(2, 1, 64, 64) * 2 - 1)
    sum(network.loss(raw, torch.full((2, 3, 16, 16), 20.0)).values()).backward()
    assert all(weight.grad.abs().sum() > 0 for weight in network.encoder.parameters())


def test_strided_depthwise_convolutions_keep_float32_inside_autocast(network):
    depthwise = [m for m in network.encoder.modules() if getattr(m, "stride", 0) == (2, 2) and m.groups > 1]
    assert len(depthwise) == 4
    for convolution in depthwise:
        picture = torch.rand(2, convolution.in_channels, 8, 8)
        with torch.autocast("cpu", torch.bfloat16):
            eased, whole = convolution(picture.bfloat16()), convolution(picture)
        assert eased.dtype == torch.bfloat16 and eased.shape[2:] == (4, 4)
        assert torch.equal(eased, convolution(picture.bfloat16().float()).bfloat16())
        assert torch.equal(whole, convolution(picture))


@torch.inference_mode()
@pytest.mark.parametrize("named", [str, lambda name: f"_of_another_author.{name}"])
def test_an_efficientnet_sees_what_timms_sees(classifier, named, tmp_path):
    torch.save({named(name): value for name, value in classifier.state_dict().items()}, tmp_path / "weights.pth")
    sees_what_timms_sees(new_network("fusion", LITE, str(tmp_path / "weights.pth")).eval(), classifier)


@torch.inference_mode()
@pytest.mark.parametrize("counted", [True, False])
def test_timms_own_file_is_taken_though_its_names_are_in_no_order(classifier, counted, tmp_path):
    weights = classifier.state_dict().items()
    kept = {name: value for name, value in weights if counted or not name.endswith("num_batches_tracked")}
    save_file(kept, tmp_path / "weights.safetensors")
    sees_what_timms_sees(new_network("fusion", LITE, str(tmp_path / "weights.safetensors")).eval(), classifier)


def sees_what_timms_sees(network, classifier):
    lightness = torch.rand(2, 1, 64, 96) * 2 - 1
    expected = classifier.forward_features(lightness.expand(-1, 3, -1, -1))
    assert torch.allclose(network.encoder(lightness.expand(-1, 3, -1, -1)), expected, atol=1e-5)
    assert torch.allclose(network.embed(network.encode(lightness)), expected.mean(dim=(2, 3)), atol=1e-5)


def test_its_usual_loader_is_timms(classifier, monkeypatch):
    asked = []
    monkeypatch.setattr(timm, "create_model", lambda name, **settings: asked.append((name, settings)) or classifier)
    network = new_network("fusion", LITE)
    assert asked == [("tf_efficientnet_lite2", {"pretrained": True})]
    assert torch.equal(network.encoder[0][0].weight, classifier.conv_stem.weight)


def test_weights_of_another_classifier_are_refused(tmp_path):
    save_file(torchvision.models.mobilenet_v2(weights=None).state_dict(), tmp_path / "mobilenet.safetensors")
    torch.save(timm.create_model("tf_efficientnet_lite0").state_dict(), tmp_path / "lite0.pth")
    for name in ("mobilenet.safetensors", "lite0.pth"):
        with pytest.raises(MismatchedCheckpoint, match=f"{name}: these weights belong to another classifier"):
            new_network("fusion", LITE, str(tmp_path / name))


def test_names_in_alphabetical_order_are_never_taken_for_layers(classifier, tmp_path):
    weights = {f"_of_another_author.{name}": value for name, value in classifier.state_dict().items()}
    save_file(weights, tmp_path / "weights.safetensors")
    with pytest.raises(MismatchedCheckpoint, match="another classifier"):
        new_network("fusion", LITE, str(tmp_path / "weights.safetensors"))


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"encoder": "vgg"}, "encoder must be one of mobilenet_v2, efficientnet_lite2, got vgg"),
        (LITE | {"encoder_padding": "tensorflow"}, "encoder_padding is a choice of mobilenet_v2's: leave it out with"),
    ],
)
def test_encoders_that_do_not_go_are_refused(settings, complaint):
    with pytest.raises(ConfigError, match=complaint):
        build_network("fusion", settings)
