"""Metrics that stand on somebody else's network use it where it is at hand, and never download it."""

import socket
import sys
from types import ModuleType

import pytest
import torch
import torchvision
from safetensors.torch import save_file
from torch import nn
from torchmetrics.functional.image import learned_perceptual_image_patch_similarity

from vidcolor.errors import ConfigError, DamagedCheckpoint, MismatchedCheckpoint
from vidcolor.metrics import Realism, load_features, load_lpips

SQUEEZENET, MOBILENET = "squeezenet1_1-b8a52dc0.pth", "mobilenet_v2-b0353104.pth"
INCEPTION = "weights-inception-2015-12-05-6726825d.pth"


@pytest.fixture(autouse=True)
def hub(tmp_path, monkeypatch):
    """torch.hub's folder of weights, empty; and no way out of this machine."""

    def refuse(*_, **__):
        raise AssertionError("something was to be downloaded")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def squeezenet():
    torch.manual_seed(0)
    return torchvision.models.squeezenet1_1().state_dict()


@pytest.fixture(scope="module")
def mobilenet():
    """Untrained, but with the statistics of pictures, without which nothing would reach its end."""
    torch.manual_seed(0)
    classifier = torchvision.models.mobilenet_v2()
    for module in classifier.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1
    with torch.no_grad():
        classifier(pictures(8))
    return classifier.eval()


def pictures(count=2, side=64, seed=0):
    return torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))


def test_a_download_would_be_noticed(hub) -> None:
    with pytest.raises(AssertionError, match="downloaded"):
        torch.hub.load_state_dict_from_url("https://example.org/weights.pth", model_dir=str(hub))


@pytest.mark.parametrize("backbone", ["alex", "squeeze"])
def test_there_is_no_lpips_without_its_backbone(backbone) -> None:
    assert load_lpips(backbone) is None


def test_another_squeezenet_will_not_do(hub, squeezenet) -> None:
    torch.save(squeezenet, hub / "squeezenet1_0-b66bff10.pth")
    assert load_lpips("squeeze") is None


def test_lpips_is_that_of_torchmetrics(hub, squeezenet) -> None:
    torch.save(squeezenet, hub / SQUEEZENET)
    lpips, picture, truth = load_lpips("squeeze"), pictures(seed=1), pictures(seed=2)
    expected = learned_perceptual_image_patch_similarity(picture, truth, "squeeze", reduction="none", normalize=True)
    assert lpips(picture, truth).tolist() == pytest.approx(expected.tolist(), rel=1e-4)
    assert expected.min() > 0
    assert lpips(truth[:1], truth[:1]).tolist() == [0]


@pytest.mark.parametrize("name", ["inception", "mobilenet_v2"])
def test_features_that_are_not_at_hand_are_none(name) -> None:
    assert load_features(name) is None


@pytest.mark.parametrize("name", ["inception", "mobilenet_v2"])
def test_a_file_that_was_named_must_exist(name, tmp_path) -> None:
    with pytest.raises(ConfigError, match="no such file of weights"):
        load_features(name, tmp_path / "missing.pth")


def test_mobilenet_is_found_where_training_left_it(hub, mobilenet) -> None:
    torch.save(mobilenet.state_dict(), hub / MOBILENET)
    features = load_features("mobilenet_v2")
    assert (features.name, features.size) == ("MobileNetV2", 1280)


def test_mobilenet_sees_what_torchvision_sees(tmp_path, mobilenet) -> None:
    """On a picture that is 224 x 224 already, prepared by torchvision's own recipe."""
    save_file(mobilenet.state_dict(), tmp_path / "weights.safetensors")
    rgb = pictures(side=224)
    with torch.no_grad():
        vectors, logits = load_features("mobilenet_v2", tmp_path / "weights.safetensors").network.eval()(rgb)
        prepared = torchvision.transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))(rgb)
        expected = mobilenet(prepared)
        assert expected.std() > 0.1
        assert torch.allclose(logits, expected, atol=1e-3)
        assert torch.allclose(vectors, mobilenet.features(prepared).mean(dim=(2, 3)), atol=1e-3)


def test_the_padding_is_that_of_the_weights(tmp_path, mobilenet) -> None:
    save_file(mobilenet.state_dict(), tmp_path / "weights.safetensors")
    ways = [load_features("mobilenet_v2", tmp_path / "weights.safetensors", way) for way in ("torch", "tensorflow")]
    with torch.no_grad():
        one, other = (features.network.eval()(pictures(1))[0] for features in ways)
    assert (one - other).norm() > 0.1 * one.norm()


def test_other_weights_are_refused(tmp_path, squeezenet) -> None:
    save_file(squeezenet, tmp_path / "weights.safetensors")
    with pytest.raises(MismatchedCheckpoint, match="belong to another classifier"):
        load_features("mobilenet_v2", tmp_path / "weights.safetensors")


def test_realism_takes_mobilenet(tmp_path, mobilenet) -> None:
    save_file(mobilenet.state_dict(), tmp_path / "weights.safetensors")
    realism = Realism(load_features("mobilenet_v2", tmp_path / "weights.safetensors"))
    realism.update(pictures(2), pictures(2, side=80, seed=1))
    assert set(realism.scores()) == {"FID-MobileNetV2", "IS-MobileNetV2", "IS-MobileNetV2 of the truth"}
    assert realism.scores()["FID-MobileNetV2"] > 0


class Extractor(nn.Module):
    """In place of torch-fidelity's network: the same way in, the same two results."""

    def __init__(self, name, wanted, path):
        super().__init__()
        assert (name, wanted) == ("inception-v3-compat", ["2048", "logits_unbiased"])
        self.weight = torch.load(path, weights_only=False)["weight"]

    def forward(self, pictures):
        assert pictures.dtype == torch.uint8
        vectors = pictures.float().flatten(1)[:, :2048] * self.weight
        return vectors, vectors[:, :1008]


@pytest.fixture
def torch_fidelity(monkeypatch):
    package, module = ModuleType("torch_fidelity"), ModuleType("torch_fidelity.feature_extractor_inceptionv3")
    module.URL_INCEPTION_V3, module.FeatureExtractorInceptionV3 = f"https://example.org/v0/{INCEPTION}", Extractor
    package.feature_extractor_inceptionv3 = module
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_torch_fidelity_alone_is_not_enough(torch_fidelity) -> None:
    assert load_features("inception") is None


def test_inception_is_found_where_torch_fidelity_left_it(torch_fidelity, hub) -> None:
    torch.save({"weight": torch.tensor(2.0)}, hub / INCEPTION)
    features = load_features("inception")
    vectors, logits = features.network(torch.ones(1, 3, 32, 32))
    assert (features.name, features.size, vectors.shape, logits.shape) == ("Inception", 2048, (1, 2048), (1, 1008))
    assert vectors.unique().tolist() == [510]


def test_inception_is_not_unpickled_blindly(torch_fidelity, tmp_path) -> None:
    """torch-fidelity loads its file in the way that runs what is in it."""
    torch.save({"weight": Extractor}, tmp_path / "weights.pth")
    with pytest.raises(DamagedCheckpoint, match="it holds something else"):
        load_features("inception", tmp_path / "weights.pth")
