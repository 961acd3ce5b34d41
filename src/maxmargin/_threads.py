"""The threads of this process: as many as BLAS may use, each with a BLAS that runs on one."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

_IN_PLACE = ("SkylakeX", "Cooperlake", "SapphireRapids")  # what OpenBLAS calls processors with AVX-512


def blas_threads() -> int:
    """Threads that BLAS may use here, which users limit by threadpoolctl or by an environment variable."""
    pools = _libraries().select(user_api="blas").info()
    return max((pool["num_threads"] for pool in pools), default=1)


@cache
def multiplies_small_matrices_in_place() -> bool:
    """Whether BLAS multiplies small matrices where they lie, without packing them first, as OpenBLAS may."""
    pools = _libraries().select(user_api="blas").info()
    return bool(pools) and all(pool.get("architecture") in _IN_PLACE for pool in pools)


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Leave the threads to the caller: BLAS runs on one inside each."""
    with _libraries().limit(limits=1, user_api="blas"):
        yield


@cache
def pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for work: to start new ones takes longer than a short pass."""
    return ThreadPoolExecutor(threads)


if hasattr(os, "register_at_fork"):
    # A forked child has the pool but none of its threads.
    os.register_at_fork(after_in_child=pool.cache_clear)


@cache
def _libraries() -> ThreadpoolController:
    """The thread pools of the libraries that are loaded; to look for them takes milliseconds."""
    return ThreadpoolController()
