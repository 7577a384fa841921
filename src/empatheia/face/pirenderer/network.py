"""The three networks of PIRenderer under their published names, for the weights others published.

The names of the file are kept, spelling included (``warpping_net``). Letters: B batch, C channels,
H W picture, D descriptor.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from empatheia.nn.convolution import Activation, adaptive_norm, in_published_order

_SLOPE = 0.1
_LAST = torch.channels_last


@dataclass(frozen=True, slots=True)
class RendererConfig:
    """The defaults are the published weights."""

    coefficients: int = 73  # 64 expression, 3 angles, 3 translation, 3 crop
    descriptor: int = 256
    hidden: int = 128  # of each adaptive norm
    widest: int = 256
    warp_base: int = 32
    warp_down: int = 5
    warp_up: int = 3
    edit_base: int = 64
    edit_layers: int = 3
    edit_blocks: int = 2


@dataclass(frozen=True, slots=True)
class Rendered:
    """What one call of :class:`PIRenderer` made."""

    flow: Tensor  # (B, 2, H / 4, W / 4) pixels of the small picture
    warped: Tensor  # (B, 3, H, W)
    picture: Tensor  # (B, 3, H, W) in [-1, 1]


@dataclass(frozen=True, slots=True)
class Begun:
    """A portrait (B, 3, H, W) and what both networks first make of it."""

    image: Tensor
    warping: Tensor
    editing: Tensor


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, _SLOPE, inplace=True)


def _same(x: Tensor) -> Tensor:
    return x


class PlaneNorm(nn.Module):
    """Layer norm over channels and picture together, scaled by channel, and the leaky rectifier.

    The result may lie in the memory of the argument, which always is a convolution's.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        if in_published_order():
            scale, shift = (v.expand(x.shape[1:]) for v in (self.weight, self.bias))
            return _leaky(F.layer_norm(x, x.shape[1:], scale, shift))
        scale, shift = (v.flatten().expand(len(x), -1) for v in (self.weight, self.bias))
        return adaptive_norm(x, scale, shift, _leaky, whole=True, spent=True)


class AdaptiveNorm(nn.Module):
    """Instance norm whose scale and shift a descriptor asks for."""

    def __init__(self, channels: int, config: RendererConfig) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Linear(config.descriptor, config.hidden), nn.ReLU())
        self.mlp_gamma = nn.Linear(config.hidden, channels)
        self.mlp_beta = nn.Linear(config.hidden, channels)

    def forward(
        self, x: Tensor, descriptor: Tensor, activation: Activation, spent: bool = False
    ) -> Tensor:
        inner = self.mlp_shared(descriptor)
        scale, shift = 1 + self.mlp_gamma(inner), self.mlp_beta(inner)
        return adaptive_norm(x, scale, shift, activation, spent=spent)


class MappingNet(nn.Module):
    """27 frames of coefficients (B, 73, 27) -> the descriptor of the middle one (B, D)."""

    def __init__(self, config: RendererConfig) -> None:
        super().__init__()
        dim = config.descriptor
        self.first = nn.Sequential(nn.Conv1d(config.coefficients, dim, 7))
        for i in range(3):
            layer = nn.Sequential(nn.LeakyReLU(_SLOPE), nn.Conv1d(dim, dim, 3, dilation=3))
            self.add_module(f"encoder{i}", layer)

    def forward(self, window: Tensor) -> Tensor:
        x: Tensor = self.first(window)
        for i in range(3):
            x = self.get_submodule(f"encoder{i}")(x) + x[..., 3:-3]
        return x.mean(-1)


class _Down(nn.Module):
    def __init__(self, inputs: int, outputs: int, config: RendererConfig) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(inputs, outputs, 4, 2, 1)
        self.conv_1 = nn.Conv2d(outputs, outputs, 3, padding=1)
        # the published block gives its output width as the width of the descriptor
        self.norm_0 = AdaptiveNorm(inputs, config)
        self.norm_1 = AdaptiveNorm(outputs, config)

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        x = self.conv_0(self.norm_0(x, descriptor, _leaky))
        out: Tensor = self.conv_1(self.norm_1(x, descriptor, _leaky, spent=True))
        return out


class _Up(nn.Module):
    def __init__(self, inputs: int, outputs: int, config: RendererConfig) -> None:
        super().__init__()
        self.conv_0 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv_1 = nn.ConvTranspose2d(outputs, outputs, 3, 2, 1, 1)
        self.conv_s = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, 1)
        self.norm_0 = AdaptiveNorm(inputs, config)
        self.norm_1 = AdaptiveNorm(outputs, config)
        self.norm_s = AdaptiveNorm(inputs, config)

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        short = self.conv_s(self.norm_s(x, descriptor, _leaky))
        x = self.conv_0(self.norm_0(x, descriptor, _leaky, spent=True))
        out: Tensor = self.conv_1(self.norm_1(x, descriptor, _leaky, spent=True)).add_(short)
        return out


class _Hourglass(nn.Module):
    """Encoder and decoder with skips; only the last ``warp_up`` sizes are decoded."""

    def __init__(self, config: RendererConfig) -> None:
        super().__init__()
        widths = [min(config.warp_base * 2**i, config.widest) for i in range(config.warp_down + 1)]
        self.levels = range(config.warp_down - config.warp_up, config.warp_down)
        self.encoder = nn.Module()
        self.encoder.add_module("input_layer", nn.Conv2d(3, widths[0], 7, padding=3))
        for i in range(config.warp_down):
            self.encoder.add_module(f"encoder{i}", _Down(widths[i], widths[i + 1], config))
        self.decoder = nn.Module()
        for i in reversed(self.levels):
            inputs = widths[i + 1] * (1 if i == config.warp_down - 1 else 2)
            self.decoder.add_module(f"decoder{i}", _Up(inputs, widths[i], config))
        self.down = config.warp_down
        self.output_channels = 2 * widths[self.levels[0]]

    def begin(self, image: Tensor) -> Tensor:
        """What does not depend on the descriptor."""
        begun: Tensor = self.encoder.get_submodule("input_layer")(image)
        return begun

    def forward(self, begun: Tensor, descriptor: Tensor) -> Tensor:
        x = begun
        kept = [x]
        for i in range(self.down):
            x = self.encoder.get_submodule(f"encoder{i}")(x, descriptor)
            kept.append(x)
        for i in reversed(self.levels):
            x = self.decoder.get_submodule(f"decoder{i}")(x, descriptor)
            x = torch.cat((x, kept[i]), dim=1)
        return x


class WarpingNet(nn.Module):
    """Where each place of the picture comes from, at a quarter of its size."""

    def __init__(self, config: RendererConfig) -> None:
        super().__init__()
        self.hourglass = _Hourglass(config)
        channels = self.hourglass.output_channels
        self.flow_out = nn.Sequential(
            PlaneNorm(channels), nn.Identity(), nn.Conv2d(channels, 2, 7, padding=3)
        )  # the rectifier of the norm had a place of its own in the file

    def forward(
        self, image: Tensor, descriptor: Tensor, begun: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """-> flow and the warped picture."""
        begun = self.hourglass.begin(image) if begun is None else begun
        flow: Tensor = self.flow_out(self.hourglass(begun, descriptor))
        return flow, warp(image, flow)


def warp(image: Tensor, flow: Tensor) -> Tensor:
    """Move a picture by a smaller flow in pixels.

    Both grids put -1 and 1 on the centres of the outer pixels while the sampling puts them on the
    edges; the weights were trained so, and it stays.
    """
    height, width = flow.shape[-2:]
    # linspace rounds otherwise than the published code, and a sharp picture shows it
    rows, columns = (
        2 * (torch.arange(n, device=flow.device, dtype=flow.dtype) / (n - 1)) - 1
        for n in (height, width)
    )
    still = torch.stack((columns.expand(height, -1), rows[:, None].expand(-1, width)))
    size = flow.new_tensor([width - 1, height - 1])[:, None, None]
    grid = F.interpolate(still + 2 * flow / size, image.shape[-2:], mode="bilinear")
    return F.grid_sample(image, grid.permute(0, 2, 3, 1), align_corners=False)


class _FineBlock(nn.Module):
    """A residual of one convolution.

    The file holds a second one whose result the published code throws away; its tensors are kept
    so that files fit, and it is not run.
    """

    def __init__(self, channels: int, config: RendererConfig) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = AdaptiveNorm(channels, config)
        self.norm2 = AdaptiveNorm(channels, config)

    def forward(self, x: Tensor, descriptor: Tensor) -> Tensor:
        return x + self.norm2(self.conv2(x), descriptor, _same, spent=True)


def _plain(inputs: int, outputs: int, kernel: int, *tail: nn.Module) -> nn.Module:
    block = nn.Module()
    layers = (
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), PlaneNorm(outputs), nn.Identity(),
        *tail,
    )  # fmt: skip
    block.add_module("model", nn.Sequential(*layers))
    return block


def _enlarged(model: nn.Module, x: Tensor) -> Tensor:
    """``model`` (a 3 x 3 convolution first) on a picture whose every pixel is doubled both ways.

    Doubled pixels meet the nine weights in four ways, each of 2 x 2 pixels: their weights are
    summed and the small picture is convolved, with 16 multiplications a pixel instead of 36.
    """
    convolution, *rest = model.children()
    assert isinstance(convolution, nn.Conv2d)
    assert convolution.bias is not None
    weight, bias = convolution.weight, convolution.bias
    if in_published_order():
        return model(F.interpolate(x, scale_factor=2))
    first, second, third = weight.unbind(2)
    rows = (torch.stack((first, second + third), 2), torch.stack((first + second, third), 2))
    kernels = []
    for row in rows:
        first, second, third = row.unbind(3)
        kernels.append(torch.stack((first, second + third), 3))
        kernels.append(torch.stack((first + second, third), 3))
    made = F.conv2d(F.pad(x, (1, 1, 1, 1)), torch.cat(kernels), bias.repeat(4))
    height, width = x.shape[2:]
    shape = (len(x), len(bias), 2 * height, 2 * width)
    out = torch.empty(shape, dtype=made.dtype, device=made.device, memory_format=_LAST)
    for place, part in enumerate(made.chunk(4, 1)):
        down, right = divmod(place, 2)
        out[..., down::2, right::2] = part[..., down : down + height, right : right + width]
    for layer in rest:
        out = layer(out)
    return out


class EditingNet(nn.Module):
    """Repairs what warping cannot show: (image, warped, descriptor) -> the picture."""

    def __init__(self, config: RendererConfig) -> None:
        super().__init__()
        self.layers, self.blocks = config.edit_layers, config.edit_blocks
        widths = [min(config.edit_base * 2**i, config.widest) for i in range(self.layers + 1)]
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.add_module("first", _plain(6, widths[0], 7))
        for i in range(self.layers):
            self.encoder.add_module(
                f"down{i}", _plain(widths[i], widths[i + 1], 3, nn.AvgPool2d(2))
            )
        for i in reversed(range(self.layers)):
            self.decoder.add_module(f"up{i}", _plain(widths[i + 1], widths[i], 3))
            fine = nn.Module()
            for j in range(self.blocks):
                fine.add_module(f"res{j}", _FineBlock(widths[i + 1], config))
            self.decoder.add_module(f"res{i}", fine)
            self.decoder.add_module(f"jump{i}", _plain(widths[i], widths[i], 3))
        final = nn.Module()
        final.add_module("model", nn.Sequential(nn.Conv2d(widths[0], 3, 7, padding=3), nn.Tanh()))
        self.decoder.add_module("final", final)

    def begin(self, image: Tensor) -> Tensor:
        """What the first convolution makes of the portrait, its bias included."""
        first = self.encoder.get_submodule("first.model.0")
        assert isinstance(first, nn.Conv2d)
        return F.conv2d(image, first.weight[:, :3], first.bias, padding=3)

    def forward(
        self, image: Tensor, warped: Tensor, descriptor: Tensor, begun: Tensor | None = None
    ) -> Tensor:
        begun = self.begin(image) if begun is None else begun
        first, *rest = self.encoder.get_submodule("first.model").children()
        assert isinstance(first, nn.Conv2d)
        if in_published_order():
            x = first(torch.cat((image, warped), 1))
        else:
            x = begun + F.conv2d(warped, first.weight[:, 3:], padding=3)
        for layer in rest:
            x = layer(x)
        kept = [x]
        for i in range(self.layers):
            x = self._encode(f"down{i}", x)
            kept.append(x)
        for i in reversed(range(self.layers)):
            for j in range(self.blocks):
                x = self.decoder.get_submodule(f"res{i}.res{j}")(x, descriptor)
            x = _enlarged(self.decoder.get_submodule(f"up{i}.model"), x)
            x = x + self._decode(f"jump{i}", kept[i])
        return self._decode("final", x)

    def _encode(self, name: str, x: Tensor) -> Tensor:
        out: Tensor = self.encoder.get_submodule(f"{name}.model")(x)
        return out

    def _decode(self, name: str, x: Tensor) -> Tensor:
        out: Tensor = self.decoder.get_submodule(f"{name}.model")(x)
        return out


class PIRenderer(nn.Module):
    """A portrait (B, 3, 256, 256) in [-1, 1] and windows (B, 73, 27) -> the moved face."""

    def __init__(self, config: RendererConfig | None = None) -> None:
        super().__init__()
        self.config = config or RendererConfig()
        self.mapping_net = MappingNet(self.config)
        self.warpping_net = WarpingNet(self.config)
        self.editing_net = EditingNet(self.config)

    def begin(self, image: Tensor) -> Begun:
        """What all pictures of one portrait share."""
        if not in_published_order():
            image = image.contiguous(memory_format=_LAST)  # a third less time on a CPU
        return Begun(image, self.warpping_net.hourglass.begin(image), self.editing_net.begin(image))

    def forward(self, image: Tensor | Begun, window: Tensor) -> Rendered:
        """``image`` may be what :meth:`begin` made of it, where many windows follow."""
        begun = image if isinstance(image, Begun) else self.begin(image)
        descriptor = self.mapping_net(window)
        flow, warped = self.warpping_net(begun.image, descriptor, begun.warping)
        picture = self.editing_net(begun.image, warped, descriptor, begun.editing)
        return Rendered(flow, warped, picture)


def windows(motion: Tensor, radius: int = 13) -> Tensor:
    """(frames, 73) -> (frames, 73, 27): each frame with its neighbours, the ends repeated."""
    places = torch.arange(len(motion))[:, None] + torch.arange(-radius, radius + 1)
    return motion[places.clamp(0, len(motion) - 1)].mT
