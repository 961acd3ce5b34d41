"""The networks of the papers, as features and a head."""

from maxmargin.deep.nets.autoencoder import GogosAutoencoder
from maxmargin.deep.nets.building import NETS, build_net
from maxmargin.deep.nets.headed import HeadedNet, takes_target
from maxmargin.deep.nets.stack import LayerStack

__all__ = ["NETS", "GogosAutoencoder", "HeadedNet", "LayerStack", "build_net", "takes_target"]
