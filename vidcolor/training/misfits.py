"""Settings that are sound by themselves, but not for a network."""

from vidcolor.errors import ConfigError
from vidcolor.networks.base import Network
from vidcolor.training.config import TrainConfig
from vidcolor.training.extras import wants_extras
from vidcolor.training.stages import FREE, JOINT, plan_stages


def refuse_misfits(arch: str, network: Network, config: TrainConfig) -> None:
    """Raises ConfigError."""
    if config.size % network.multiple:
        raise ConfigError(f"size must be a multiple of {network.multiple} for {arch}, got {config.size}")
    if network.picks_colors and (config.adversarial or wants_extras(config)):
        raise ConfigError(
            f"{arch} picks colours, so neither a critic nor a further loss can teach it: "
            "leave out critic_share, joint_share, perceptual, colorfulness and stability"
        )
    stages = {stage.name for stage in plan_stages(config, bool(network.encoder_parts()))}
    if wants_extras(config) and not stages & {FREE, JOINT}:
        raise ConfigError(
            f"{arch} is never trained as a whole here, so perceptual, colorfulness and stability have no use: "
            "give it a free_share, or leave them out"
        )
