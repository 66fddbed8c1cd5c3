"""A trained `fusion` set on another encoder: what its decoder reads is fitted to what it was used to.

    python benchmarks/graft.py MODEL PHOTOS... --encoder NAME --encoder-weights FILE --out FILE

The decoder's three layers that read the encoder (strides 16, 8 and 4) are solved, one after the other, by ridge
regression: from the new encoder's features to what the same layer of MODEL says of the same photos. All else of the
decoder stays. What comes out is a start for `vidcolor train --start-from`, worse than MODEL until it is trained.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcolor import checkpoint
from vidcolor.checkpoint import new_meta
from vidcolor.color import luma_to_input
from vidcolor.data import PhotoViews, View
from vidcolor.networks.base import Features
from vidcolor.networks.blocks import doubling
from vidcolor.networks.fusion import Fusion, FusionConfig
from vidcolor.photos import find_photos

Pair = tuple[Tensor, Tensor]
"""What the same layer of the old and of the new network is given of the same photos."""
SIZE, PHOTOS, BATCH = 160, 1200, 16
RIDGE = 1e-3
"""Of the mean square of the inputs."""
CELLS = 100
"""Of every map that are looked at through a 3x3 kernel."""
_doubled = doubling()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--encoder", required=True)
    parser.add_argument("--encoder-weights", required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    old, _ = checkpoint.load(options.model)
    assert isinstance(old, Fusion)
    new = Fusion(FusionConfig(old.config.palette_size, old.config.widths, options.encoder))
    new.load_encoder(options.encoder_weights)
    graft(old.eval(), new.eval(), lightness_of(options.photos))
    checkpoint.save(options.out, new, new_meta("fusion", "fusion", new))


def lightness_of(paths: list[Path]) -> Iterator[Tensor]:
    """PHOTOS of the photos, evenly chosen: (BATCH, 1, SIZE, SIZE) in -1..1."""
    views = PhotoViews(find_photos(paths), SIZE)
    chosen = range(0, len(views), max(1, len(views) // PHOTOS))[:PHOTOS]
    for start in range(0, len(chosen), BATCH):
        luma = [views[View(index, None)][0] for index in chosen[start : start + BATCH]]
        yield luma_to_input(torch.stack(luma).float() / 255)


@torch.no_grad()
def graft(old: Fusion, new: Fusion, pictures: Iterator[Tensor]) -> None:
    """Give `new` the decoder of `old`, fitted to its own encoder."""
    _copy_what_fits(old, new)
    seen = [(old.encode(picture), new.encode(picture)) for picture in pictures]
    pairs = [(_at16(own), _at16(other)) for own, other in seen]
    _set_fusing(new, solve(pairs, _fusing(old)))
    pairs = [(old.fused(F.conv2d(own, _fusing(old))), new.fused(F.conv2d(other, _fusing(new)))) for own, other in pairs]
    for level, old_layers, new_layers in ((1, old.decode8, new.decode8), (0, old.decode4, new.decode4)):
        pairs = [
            (_joined(a, own[level]), _joined(b, other[level])) for (a, b), (own, other) in zip(pairs, seen, strict=True)
        ]
        new_layers[0].weight.copy_(solve(pairs, old_layers[0].weight))
        pairs = [(old_layers(a), new_layers(b)) for a, b in pairs]


def solve(pairs: Sequence[Pair], weight: Tensor) -> Tensor:
    """The weights (outputs, inputs, k, k) with which the new inputs come closest to what `weight` makes of the old."""
    kernel = weight.shape[-1]
    inputs = pairs[0][1].shape[1] * kernel**2
    squares, products = torch.zeros(inputs, inputs).double(), torch.zeros(inputs, len(weight)).double()
    random = torch.Generator().manual_seed(0)
    for old, new in pairs:
        target = F.conv2d(old, weight, padding=kernel // 2).flatten(2)
        cells = torch.randperm(target.shape[2], generator=random)[: CELLS if kernel > 1 else None]
        x = _rows(F.unfold(new, kernel, padding=kernel // 2)[..., cells])
        squares += (x.T @ x).double()
        products += (x.T @ _rows(target[..., cells])).double()
    squares.diagonal().add_(RIDGE * squares.diagonal().mean())
    return torch.linalg.solve(squares, products).T.float().reshape(len(weight), -1, kernel, kernel)


def _copy_what_fits(old: Fusion, new: Fusion) -> None:
    weights = new.state_dict()
    for name, value in old.state_dict().items():
        if not name.startswith("encoder.") and weights[name].shape == value.shape:
            weights[name].copy_(value)


def _at16(features: Features) -> Tensor:
    """All that is fused."""
    _, _, at16, at32, vector = features
    return torch.cat((_doubled(at32), at16, vector.expand(-1, -1, *at16.shape[2:])), dim=1)


def _joined(x: Tensor, feature: Tensor) -> Tensor:
    return torch.cat((_doubled(x), feature), dim=1)


def _fusing(network: Fusion) -> Tensor:
    """Both layers that fuse, as one 1x1 convolution."""
    return torch.cat((network.fuse_local.weight, network.fuse_global.weight[..., None, None]), dim=1)


def _set_fusing(network: Fusion, weight: Tensor) -> None:
    local = network.fuse_local.in_channels
    network.fuse_local.weight.copy_(weight[:, :local])
    network.fuse_global.weight.copy_(weight[:, local:, 0, 0])


def _rows(x: Tensor) -> Tensor:
    """(N, C, cells) -> (N cells, C)."""
    return x.transpose(1, 2).flatten(0, 1)


if __name__ == "__main__":
    main()
