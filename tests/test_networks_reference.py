"""The networks of the reports: that each is built as its report says, and what is special to it."""

import sys
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
import torchvision
from safetensors.torch import save_file
from torch import nn

from vidcolor.color import lab_to_rgb, rgb_to_lab
from vidcolor.errors import ConfigError, MismatchedCheckpoint
from vidcolor.networks import build_network, new_network
from vidcolor.networks.blocks import Noise
from vidcolor.networks.classifier import Classifier, to_square
from vidcolor.networks.critic import PatchCritic
from vidcolor.networks.kmeans import Kmeans, KmeansConfig
from vidcolor.networks.regression import AB_UNIT, mae, mse, msle

LIGHT = {"classifier": "squeezenet1_0"}
KOALA_ENCODER = [(64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (512, 1), (256, 1)]
FACES_ENCODER = [(64, 2), (128, 1), (128, 2), (256, 1), "drop", (256, 2), (512, 1), "drop", (256, 1), (256, 1)]
CNN_ENCODER = [(64, 1), (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1), (256, 1)]
KOALA_DECODER = [(128, 1), "up", (64, 1), (64, 1), "up", (32, 1), (2, 1), "tanh", "up"]
FACES_DECODER = [
    *((128, 1), "up", (64, 1), "drop", "up", (32, 1), "drop", (16, 1), "drop", "up"),
    *((2, 1), "tanh"),
]
CNN_DECODER = [(128, 1), "up", (64, 1), "up", (32, 1), (2, 1), "tanh", "up"]
NAMES = {nn.Dropout: "drop", nn.Upsample: "up", nn.Tanh: "tanh", nn.BatchNorm2d: "norm"}


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def listing(layers):
    """As the reports list them: (channels, stride) of a convolution, the name of anything else but relu."""
    named = [(layer.out_channels, layer.stride[0]) if isinstance(layer, nn.Conv2d) else layer for layer in layers]
    return [NAMES.get(type(one), one) for one in named if not isinstance(one, nn.ReLU)]


def weights_in(*modules):
    return sum(weight.numel() for module in modules for weight in module.parameters())


def own_weights(network):
    return weights_in(network) - weights_in(*network.encoder_parts())


@pytest.mark.parametrize(
    ("arch", "settings", "encoder", "decoder", "weights"),
    [
        ("fusion-koala", LIGHT, KOALA_ENCODER, KOALA_DECODER, 5_827_200 + 321_792 + 424_802),
        ("fusion-faces", LIGHT, FACES_ENCODER, FACES_DECODER, 4_057_472 + 321_792 + 392_210),
        ("cnn", {}, CNN_ENCODER, CNN_DECODER, 3_892_194),
    ],
)
def test_layers_are_those_of_the_listing(arch, settings, encoder, decoder, weights):
    network = build_network(arch, settings)
    assert listing(network.encoder) == encoder
    assert listing(network.decoder) == decoder
    assert own_weights(network) == weights
    convolutions = [layer for part in (network.encoder, network.decoder) for layer in part if hasattr(layer, "stride")]
    assert {layer.kernel_size for layer in convolutions} == {(3, 3)}
    assert network.encoder(torch.zeros(1, 1, 64, 48)).shape == (1, 256, 8, 6)
    assert {layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)} - {0.5} <= {0.35}


def test_every_convolution_but_the_last_has_its_relu():
    for arch, settings in (("fusion-koala", LIGHT), ("fusion-faces", LIGHT), ("cnn", {})):
        network = build_network(arch, settings)
        layers = [*network.encoder, *getattr(network, "fuse", ()), *network.decoder]
        after = [type(behind) for layer, behind in pairwise(layers) if isinstance(layer, nn.Conv2d)]
        assert after == [nn.ReLU] * (len(after) - 1) + [nn.Tanh]


def test_fresh_weights_carry_the_picture_through():
    """With PyTorch's own start the output hardly depends on the picture."""
    network = build_network("cnn", {}).eval()
    dark, bright = network(torch.full((1, 1, 64, 64), -0.8)), network(torch.full((1, 1, 64, 64), 0.8))
    assert (bright - dark).abs().mean() > 1e-3
    assert all((layer.bias == 0).all() for layer in network.modules() if isinstance(layer, nn.Conv2d))


@pytest.mark.parametrize("arch", ["fusion-koala", "cnn", "resnet18"])
def test_colors_are_squares_of_two_pixels(arch):
    network = build_network(arch, LIGHT if "fusion" in arch else {}).eval()
    ab = network.to_ab(network(torch.rand(1, 1, 32, 48) * 2 - 1))
    corners = ab[..., ::2, ::2]
    assert torch.equal(F.interpolate(corners, scale_factor=2), ab)
    assert not torch.equal(corners[..., ::2, :], corners[..., 1::2, :])
    lab = torch.rand(1, 3, 4, 4) * 50
    assert torch.allclose(network.best_ab(lab)[0, :, 3, 2], lab[0, 1:, 2:, 2:].mean(dim=(1, 2)))


@pytest.mark.parametrize(
    ("arch", "settings"), [("fusion-faces", LIGHT), ("pix2pix", {}), ("pix2pix", {"target": "rgb"})]
)
def test_colors_are_as_fine_as_the_picture(arch, settings):
    network = build_network(arch, settings).eval()
    ab = network.to_ab(network(torch.rand(1, 1, network.multiple, network.multiple) * 2 - 1))
    assert not torch.equal(ab[..., ::2, ::2], ab[..., 1::2, ::2])
    lab = torch.rand(1, 3, 4, 4) * 50
    assert torch.equal(network.best_ab(lab), lab[:, 1:])


@pytest.mark.parametrize("arch", ["fusion-koala", "fusion-faces", "cnn", "resnet18"])
@pytest.mark.parametrize("loss", [mse, mae, msle])
def test_regressing_networks_compare_ab_in_units_of_128(arch, loss):
    network = build_network(arch, {"loss": loss.__name__} | (LIGHT if "fusion" in arch else {}))
    raw, lab = torch.rand(1, 2, 8, 8) - 0.5, torch.rand(1, 3, 8, 8) * 100 - 50
    assert network.loss(raw, lab) == {loss.__name__: loss(raw, lab[:, 1:] / 128)}
    assert torch.equal(network.to_ab(raw), raw * 128)
    assert network.to_ab(raw * 100).abs().max() == AB_UNIT


def test_the_losses_are_what_they_are_called():
    predicted, truth = torch.tensor([0.5, -0.5]), torch.tensor([0.25, 0.5])
    assert mse(predicted, truth).item() == pytest.approx((0.0625 + 1) / 2)
    assert mae(predicted, truth).item() == pytest.approx((0.25 + 1) / 2)
    ratios = torch.tensor([1.5 / 1.25, 1 / 1.5])
    assert msle(predicted, truth).item() == pytest.approx(ratios.log().square().mean().item(), rel=1e-5)


def test_msle_is_blind_below_zero():
    predicted = torch.tensor([-0.9, -0.1, 0.1], requires_grad=True)
    msle(predicted, torch.tensor([0.5, 0.5, 0.5])).backward()
    assert predicted.grad[:2].tolist() == [0, 0]
    assert predicted.grad[2] < 0
    assert msle(torch.zeros(1), torch.tensor([-0.7])) == 0


@pytest.mark.parametrize(
    ("arch", "settings", "complaint"),
    [
        ("cnn", {"loss": "l1"}, "loss must be one of mse, mae, msle, got l1"),
        ("fusion-faces", {"loss": "huber"}, "loss must be one of mse, mae, msle, got huber"),
        ("pix2pix", {"target": "yuv"}, "target must be one of ab, rgb, got yuv"),
        (
            "fusion-koala",
            {"classifier": "inception"},
            "classifier must be one of inception_resnet_v2, .*vgg19_bn.*, got",
        ),
        ("fusion-koala", {"classifier": "vit_b_16"}, "classifier must be one of .*got vit_b_16"),
        ("fusion-koala", {"encoder_padding": "same"}, "encoder_padding must be one of torch, tensorflow, got same"),
        (
            "fusion-koala",
            {"encoder_padding": "tensorflow"},
            "is a choice of mobilenet_v2's: leave it out with inception_resnet_v2",
        ),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(arch, settings, complaint):
    with pytest.raises(ConfigError, match=complaint) as caught:
        build_network(arch, settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("arch", ["fusion-koala", "fusion-faces"])
@torch.inference_mode()
def test_only_the_classifier_is_computed_beforehand(arch):
    network = build_network(arch, LIGHT).eval()
    lightness = torch.rand(2, 1, 32, 32) * 2 - 1
    stored = network.encode(lightness)
    assert stored[0] is lightness
    assert stored[1].shape == (2, 1000, 1, 1)
    for own in (network.encoder, network.fuse, network.decoder):
        before = network.decode(stored)
        own[0].weight.mul_(1.5)
        assert not torch.equal(network.decode(stored), before)
        assert torch.equal(network.encode(lightness)[1], stored[1])
    assert network.encoder_parts() == (network.classifier,)


@torch.inference_mode()
@pytest.mark.parametrize("size", [(32, 64), (299, 299), (300, 298), (720, 960)])
def test_an_exported_classifier_sees_the_same_picture(size, monkeypatch):
    lightness = torch.rand(2, 1, *size) * 2 - 1
    usual = to_square(lightness)
    monkeypatch.setattr("torch.onnx.is_in_onnx_export", lambda: True)
    assert torch.allclose(to_square(lightness), usual, rtol=0, atol=1e-6)


def test_a_koala_is_steered_by_the_vector_of_its_classifier():
    network = build_network("fusion-koala", LIGHT).eval()
    features = network.encode(torch.rand(2, 1, 32, 32) * 2 - 1)
    own = network.embed(features)
    assert own.shape == (2, 1000)
    assert torch.equal(own, network.classifier(features[0]))
    assert torch.equal(network.decode(features), network.decode(features, own))
    assert not torch.equal(network.decode(features), network.decode(features, own + 1))


class Witness(nn.Module):
    def forward(self, picture):
        self.seen = picture
        return torch.zeros(len(picture), 1000)


@pytest.mark.parametrize(
    ("name", "mean", "std"),
    [
        ("inception_resnet_v2", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)),
        ("mobilenet_v2", (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ],
)
def test_a_classifier_sees_a_grey_picture_of_299_pixels(name, mean, std):
    classifier = Classifier(name, "torch")
    classifier.network = Witness()
    classifier(torch.tensor([-1.0, 0.0, 1.0])[:, None, None, None].expand(-1, 1, 64, 48))
    expected = (torch.tensor([0, 0.5, 1])[:, None] - torch.tensor(mean)) / torch.tensor(std)
    assert classifier.network.seen.shape == (3, 3, 299, 299)
    assert torch.allclose(classifier.network.seen[:, :, 150, 150], expected, atol=1e-6)


def test_the_normalisation_is_what_timm_says():
    import timm

    usual = timm.get_pretrained_cfg("inception_resnet_v2")
    assert (usual.mean, usual.std, usual.input_size) == ((0.5,) * 3, (0.5,) * 3, (3, 299, 299))


def test_a_classifier_never_leaves_eval_mode():
    network = build_network("fusion-koala", {"classifier": "mobilenet_v2"})
    assert not any(module.training for module in network.train().classifier.modules())
    assert network.encoder.training
    before = network.classifier.network.features[0][1].running_mean.clone()
    network.encode(torch.rand(1, 1, 32, 32))
    assert torch.equal(network.classifier.network.features[0][1].running_mean, before)


def test_a_mobilenet_may_be_padded_like_tensorflows():
    padded, plain = (
        build_network("fusion-koala", {"classifier": "mobilenet_v2", "encoder_padding": padding}).eval()
        for padding in ("tensorflow", "torch")
    )
    padded.load_state_dict(plain.state_dict(), strict=True)
    lightness = torch.rand(1, 1, 64, 64) * 2 - 1
    assert not torch.equal(padded.encode(lightness)[1], plain.encode(lightness)[1])
    first = padded.classifier.network.features[0][0]
    picture = torch.rand(1, 3, 8, 8)
    assert torch.equal(first(picture), F.conv2d(F.pad(picture, (0, 1, 0, 1)), first.weight, stride=2))


@pytest.fixture(scope="module")
def inception():
    import timm

    return timm.create_model("inception_resnet_v2", pretrained=False, num_classes=1000).requires_grad_(False)


def test_inceptions_weights_come_from_a_file(inception, tmp_path):
    save_file(inception.state_dict(), tmp_path / "inception.safetensors")
    network = new_network("fusion-faces", {}, str(tmp_path / "inception.safetensors"))
    loaded = network.classifier.network.state_dict()
    assert all(torch.equal(weight, loaded[name]) for name, weight in inception.state_dict().items())
    with pytest.raises(MismatchedCheckpoint, match="another classifier"):
        new_network("fusion-koala", LIGHT, str(tmp_path / "inception.safetensors"))
    with pytest.raises(ConfigError, match="no such file"):
        new_network("fusion-koala", LIGHT, str(tmp_path / "absent.safetensors"))


@pytest.mark.parametrize("source", [None, "timm", "torchvision"])
def test_both_names_mean_the_usual_loader(inception, source, monkeypatch):
    import timm

    monkeypatch.setattr(timm, "create_model", lambda name, **settings: inception)
    network = new_network("fusion-koala", {}, source)
    assert torch.equal(network.classifier.network.classif.weight, inception.classif.weight)

    squeezenet = torchvision.models.squeezenet1_0(weights=None).state_dict()
    monkeypatch.setattr(torchvision.models.SqueezeNet1_0_Weights, "get_state_dict", lambda self, **_: squeezenet)
    network = new_network("fusion-koala", LIGHT, source)
    assert torch.equal(network.classifier.network.classifier[1].weight, squeezenet["classifier.1.weight"])


def test_a_failed_download_is_one_line(inception, monkeypatch):
    import timm

    def offline(name, pretrained, **settings):
        if pretrained:
            raise FileNotFoundError("An error happened on the Hub.\nCheck your connection")
        return inception

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(ConfigError, match=r"cannot download inception_resnet_v2 .*give a local file") as caught:
        new_network("fusion-koala", {})
    assert "\n" not in str(caught.value)


def test_a_missing_timm_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ConfigError, match=r"^inception_resnet_v2 needs timm: pip install 'vidcolor\[timm\]'$"):
        build_network("fusion-koala", {})
    assert build_network("fusion-koala", LIGHT).config.classifier == "squeezenet1_0"


def test_resnet18_is_half_a_resnet_on_grey():
    network = build_network("resnet18", {})
    resnet = torchvision.models.resnet18()
    stages = weights_in(resnet.conv1, resnet.bn1, resnet.layer1, resnet.layer2)
    assert weights_in(network.encoder) == stages - 2 * 64 * 7 * 7
    assert network.encoder(torch.zeros(1, 1, 64, 48)).shape == (1, 128, 8, 6)
    upsampler = [(128, 1), "norm", "up", (64, 1), "norm", (64, 1), "norm", "up", (32, 1), "norm", (2, 1), "up"]
    assert listing(network.decoder) == upsampler
    assert network.encoder_parts() == ()


@pytest.mark.parametrize("classes", [365, 1000])
@torch.inference_mode()
def test_resnet18_sees_in_grey_what_a_resnet_sees_in_three_equal_channels(classes, tmp_path):
    resnet = torchvision.models.resnet18(num_classes=classes).eval()
    save_file(resnet.state_dict(), tmp_path / "resnet.safetensors")
    network = new_network("resnet18", {}, str(tmp_path / "resnet.safetensors")).eval()
    grey = torch.rand(1, 1, 64, 64)
    x = resnet.maxpool(resnet.relu(resnet.bn1(resnet.conv1(grey.expand(-1, 3, -1, -1)))))
    assert torch.allclose(network.encode(grey)[0], resnet.layer2(resnet.layer1(x)), atol=1e-4)
    assert network.encoder[0].weight.shape == (64, 1, 7, 7)
    assert torch.allclose(network.encoder[0].weight, resnet.conv1.weight.sum(1, keepdim=True))


def test_resnet18_refuses_another_networks_weights(tmp_path):
    save_file({"conv1.weight": torch.zeros(64, 3, 7, 7)}, tmp_path / "resnet.safetensors")
    with pytest.raises(MismatchedCheckpoint, match="another classifier"):
        new_network("resnet18", {}, str(tmp_path / "resnet.safetensors"))


@pytest.fixture
def kmeans():
    network = Kmeans(KmeansConfig()).eval()
    network.learn_colors(torch.rand(5000, 3))
    return network


def test_kmeans_has_as_many_weights_as_it_says():
    convolution, units, outputs = 3 * 3 * 32 + 32, 64 * 64, 64 * 64 * 32
    literal = convolution + (outputs * units + units) + (units * outputs + outputs)
    thin = convolution + (outputs * 64 + 64 * units + units) + (units * 64 + 64 * outputs + outputs) + 32 * 32
    assert weights_in(build_network("kmeans", {})) == thin
    for count in (literal, thin):
        assert f"{count:,}".replace(",", " ") in Kmeans.__doc__


def test_kmeans_learns_its_colors(kmeans):
    colors = torch.rand(32, 3, generator=torch.Generator().manual_seed(4))
    kmeans.learn_colors(colors.repeat(100, 1))
    distance, nearest = torch.cdist(colors, kmeans.palette).min(dim=1)
    assert distance.max() < 1e-3
    assert len(set(nearest.tolist())) == 32


@torch.inference_mode()
def test_kmeans_paints_with_its_palette_alone(kmeans):
    palette = rgb_to_lab(kmeans.palette[:, :, None, None])[:, 1:, 0, 0]
    for ab in (kmeans.to_ab(kmeans(torch.rand(1, 1, 64, 96) * 2 - 1)), kmeans.best_ab(torch.rand(1, 3, 64, 96) * 60)):
        painted = ab.movedim(1, -1).reshape(-1, 2)
        assert torch.cdist(painted, palette, compute_mode="donot_use_mm_for_euclid_dist").amin(1).max() < 1e-3
        assert len(painted.unique(dim=0)) > 3


def test_kmeans_is_right_where_the_nearest_color_in_rgb_is(kmeans):
    rgb = torch.rand(1, 3, 64, 64)
    nearest = (rgb[:, None] - kmeans.palette[None, :, :, None, None]).square().sum(2).argmin(1)
    right = 50.0 * F.one_hot(nearest, 32).movedim(-1, 1)
    lab = rgb_to_lab(rgb)
    assert kmeans.loss(right, lab)["palette"] < 1e-3
    assert kmeans.loss(right.roll(1, dims=1), lab)["palette"] > 40
    assert torch.equal(kmeans.to_ab(right), kmeans.best_ab(lab))
    with torch.autocast("cpu", torch.bfloat16):
        assert kmeans.loss(right, lab)["palette"] < 1e-3
        assert torch.equal(kmeans.to_ab(right), kmeans.best_ab(lab))


@torch.inference_mode()
def test_kmeans_fills_up_with_white(kmeans):
    lightness = torch.rand(1, 1, 48, 64) * 2 - 1
    filled = torch.cat((lightness, torch.ones(1, 1, 16, 64)), dim=2)
    assert torch.equal(kmeans(lightness), kmeans(filled)[:, :, :48])
    assert kmeans(lightness[..., :24]).shape == (1, 32, 48, 24)


@torch.inference_mode()
def test_kmeans_sees_any_size_in_64_cells(kmeans):
    small = torch.rand(1, 1, 64, 64) * 2 - 1
    large = F.interpolate(small, scale_factor=2)
    assert torch.allclose(kmeans(large), F.interpolate(kmeans(small), scale_factor=2), atol=1e-5)


@torch.inference_mode()
def test_kmeans_dense_layers_see_it_all_and_its_own_path_three_pixels(kmeans):
    dark = torch.full((1, 1, 64, 64), -1.0)
    point = dark.clone()
    point[..., 20, 30] = 1
    everywhere = (kmeans(point) != kmeans(dark)).any(dim=1)[0]
    assert everywhere.float().mean() > 0.9
    for layer in kmeans.output:
        layer.weight.zero_()
    near = (kmeans(point) != kmeans(dark)).any(dim=1)[0]
    assert near.sum() == 9
    assert near[19:22, 29:32].all()


def test_kmeans_drops_out_in_training_alone(kmeans):
    lightness = torch.rand(1, 1, 64, 64) * 2 - 1
    assert torch.equal(kmeans(lightness), kmeans(lightness))
    kmeans.train()
    assert not torch.equal(kmeans(lightness), kmeans(lightness))


def test_pix2pix_is_a_u_net():
    network = build_network("pix2pix", {})
    down = [64, 128, 256, 512, 512, 512, 512]
    assert [block[0].out_channels for block in network.down] == down
    assert [block[0].out_channels for block in network.up] == [512, 512, 512, 256, 128, 64, 2]
    assert [block[0].in_channels for block in network.up] == [512, 1024, 1024, 1024, 512, 256, 128]
    assert {(block[0].kernel_size, block[0].stride) for block in (*network.down, *network.up)} == {((4, 4), (2, 2))}
    normed = [any(isinstance(layer, nn.BatchNorm2d) for layer in block) for block in network.down]
    assert normed == [False, True, True, True, True, True, False]
    noisy = [any(isinstance(layer, Noise) for layer in block) for block in network.up]
    assert noisy == [False, True, True, True, False, False, False]
    assert [one.shape[-1] for one in network.eval().encode(torch.zeros(1, 1, 128, 128))] == [64, 32, 16, 8, 4, 2, 1]


def test_pix2pix_skips_every_level():
    network = build_network("pix2pix", {"levels": 5, "width": 8}).eval()
    assert network.multiple == 32
    features = tuple(one.detach().requires_grad_() for one in network.encode(torch.rand(1, 1, 64, 64)))
    network.decode(features).sum().backward()
    assert all(one.grad.abs().sum() > 0 for one in features)


def test_noise_is_fixed_in_use_and_drawn_anew_in_training():
    noise, ones = Noise(0.5, seed=1), torch.ones(3, 64, 16, 16)
    one, other = noise.train()(ones), noise(ones)
    assert not torch.equal(one, other)
    assert not torch.equal(one[0], one[1])
    used = noise.eval()(ones)
    assert torch.equal(used, noise(ones))
    assert torch.equal(used[0], used[2])
    assert torch.equal(used[:1], noise(ones[:1]))
    assert used.unique().tolist() == [0, 2]
    assert used.mean() == pytest.approx(1, abs=0.05)
    assert not torch.equal(used[:, 0], used[:, 1])
    assert not torch.equal(used[..., 0], used[..., 1])
    assert not torch.equal(used, Noise(0.5, seed=2).eval()(ones))


@torch.inference_mode()
def test_a_film_gets_the_same_colors_whatever_was_drawn_before():
    network = build_network("pix2pix", {"levels": 5, "width": 8}).eval()
    lightness = torch.rand(1, 1, 32, 32)
    torch.manual_seed(1)
    first = network(lightness)
    torch.manual_seed(2)
    assert torch.equal(network(lightness), first)
    for noise in (module for module in network.modules() if isinstance(module, Noise)):
        noise.share = 0.0
    assert not torch.equal(network(lightness), first)


def test_pix2pix_predicts_ab():
    network = build_network("pix2pix", {"levels": 2, "width": 4, "l1_weight": 10.0})
    raw, lab = torch.zeros(1, 2, 4, 4), torch.full((1, 3, 4, 4), 64.0)
    assert network.loss(raw, lab)["l1"].item() == pytest.approx(10 * 0.5)
    assert torch.equal(network.to_ab(raw + 0.25), torch.full((1, 2, 4, 4), 32.0))


def test_pix2pix_predicts_rgb():
    network = build_network("pix2pix", {"levels": 2, "width": 4, "target": "rgb"})
    assert network(torch.zeros(1, 1, 8, 8)).shape == (1, 3, 8, 8)
    lab = rgb_to_lab(torch.rand(1, 3, 16, 16))
    raw = lab_to_rgb(lab) * 2 - 1
    for bfloat in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat):
            assert network.loss(raw, lab)["l1"].item() < 1e-3
            assert torch.allclose(network.to_ab(raw), lab[:, 1:], atol=0.01)
    assert network.loss(raw + 0.02, lab)["l1"].item() == pytest.approx(2, rel=1e-3)
    extremes = torch.tensor([-1.0, 0.0, 1.0])[None, :, None, None].repeat(1, 1, 2, 2).requires_grad_()
    black = torch.full((1, 3, 2, 2), -1.0, requires_grad=True)
    for colors in (extremes, black):
        network.to_ab(colors)[:, 0].sum().backward()
        assert colors.grad.isfinite().all()
        assert (colors.grad != 0).all()


def test_the_critic_judges_patches_of_70_pixels():
    critic = PatchCritic().eval()
    lightness, ab = (torch.rand(1, channels, 128, 128, requires_grad=True) for channels in (1, 2))
    logits = critic(lightness, ab)
    assert logits.shape == (1, 1, 14, 14)
    logits[0, 0, 7, 7].backward()
    for seen in (lightness, ab):
        rows, columns = seen.grad[0].abs().sum(0).nonzero().unbind(1)
        assert rows.max() - rows.min() + 1 == 70
        assert columns.max() - columns.min() + 1 == 70
