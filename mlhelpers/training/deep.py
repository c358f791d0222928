"""Keras, loaded so that two runs on the same kind of machine give the same network.

Used in lessons 3.2 and 3.4; taught in lesson 4.2 (reproducible training).
"""

from __future__ import annotations

import os
import warnings
from typing import Any

_QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",  # nothing but errors: the start-up lines differ between machines
    "TF_ENABLE_ONEDNN_OPTS": "0",  # its kernels sum in an order that depends on the processor
    "CUDA_VISIBLE_DEVICES": "-1",  # a GPU sums in another order
}


def load_keras(random_state: int = 0) -> Any:
    """Import Keras from TensorFlow: quiet, seeded, on one thread of the CPU, with deterministic operations.

    Taught in lesson 4.2. Call it again to seed again. Settings that the environment has already
    (``TF_CPP_MIN_LOG_LEVEL``, ``CUDA_VISIBLE_DEVICES``, ...) are kept.

    Parameters
    ----------
    random_state : int, default=0
        Seed of Python's, NumPy's and TensorFlow's global generators, which Keras draws from.

    Returns
    -------
    module
        ``tensorflow.keras``.

    Raises
    ------
    ValueError
        If `random_state` is no whole number of at least 0.
    """
    if isinstance(random_state, bool) or not isinstance(random_state, int) or random_state < 0:
        raise ValueError(f"random_state must be a whole number from 0 on, got {random_state!r}")
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow as tf
    threads = (
        tf.config.threading.set_intra_op_parallelism_threads,
        tf.config.threading.set_inter_op_parallelism_threads,
    )
    try:
        for limit in threads:
            limit(1)
    except RuntimeError:  # TensorFlow refuses once it has computed something
        if tf.config.threading.get_intra_op_parallelism_threads() != 1:
            warnings.warn(
                "TensorFlow was in use before load_keras, so its number of threads stays as it is; "
                "call load_keras first to get the same network every time",
                stacklevel=2,
            )
    tf.config.experimental.enable_op_determinism()
    tf.keras.utils.set_random_seed(random_state)
    return tf.keras
