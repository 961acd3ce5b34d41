"""The device and the processes that a training runs on, through Lightning Fabric."""

import os
from typing import Any

import torch
from lightning_fabric import Fabric

from maxmargin._checks import InputError, check_choice

PRECISIONS = ("32-true", "64-true", "16-mixed", "bf16-mixed", "bf16-true", "16-true")


def build_fabric(accelerator: str, devices: int, precision: str) -> Fabric:
    """A Fabric for this many devices; under ``torchrun``, for the processes that it began.

    Raises
    ------
    InputError
        If CUDA is asked for and absent, or there are fewer devices.

    Examples
    --------
    >>> build_fabric("cpu", 1, "32-true").device
    device(type='cpu')
    """
    check_choice(accelerator, ("auto", "cpu", "cuda"), "accelerator")
    check_choice(precision, PRECISIONS, "precision")
    if accelerator == "auto":
        accelerator = "cuda" if torch.cuda.is_available() else "cpu"
    if accelerator == "cuda" and not torch.cuda.is_available():
        raise InputError("accelerator is 'cuda', but no CUDA device is here; choose 'cpu' or 'auto'")
    if accelerator == "cuda" and devices > torch.cuda.device_count():
        raise InputError(f"devices is {devices}, but there are {torch.cuda.device_count()} CUDA devices")
    if accelerator == "cpu" and precision.startswith("16"):
        raise InputError(f"precision is {precision!r}, which needs CUDA; on the CPU choose 'bf16-mixed'")
    options: dict[str, Any] = {"accelerator": accelerator, "precision": precision}
    if under_torchrun():
        here = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // here
        return Fabric(devices=here, num_nodes=nodes, strategy="ddp", **options)
    return Fabric(devices=devices, strategy="ddp_spawn" if devices > 1 else "auto", **options)


def under_torchrun() -> bool:
    """Whether ``torchrun`` began this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ and "LOCAL_WORLD_SIZE" in os.environ
