import json
import subprocess
import sys

import pytest

from mlhelpers.training import load_keras

FIT = """
import json
import sys
import warnings
{before}
import numpy as np
from mlhelpers.training import load_keras
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    load_keras(0)
import tensorflow as tf
def run(seed):
    keras = load_keras(seed)
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(8, "relu"), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    X = np.random.default_rng(0).normal(size=(256, 3))
    model.fit(X, X[:, 0], epochs=2, verbose=0)
    return model.predict(X[:3], verbose=0).ravel().tolist()
print(json.dumps({{
    "first": run(1), "again": run(1), "other": run(2),
    "threads": tf.config.threading.get_intra_op_parallelism_threads(),
    "warned": [str(w.message) for w in caught if "load_keras" in str(w.message)],
}}))
"""


def run(before=""):
    done = subprocess.run(
        [sys.executable, "-c", FIT.format(before=before)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_two_runs_and_two_processes_give_the_same_network():
    (found, said), (later, _) = run(), run()
    assert found["first"] == found["again"] == later["first"]
    assert found["first"] != found["other"]
    assert found["threads"] == 1
    assert found["warned"] == []
    assert said == ""


def test_it_warns_if_tensorflow_was_used_before():
    found, _ = run("import tensorflow as tf\ntf.constant(1) + 1")
    assert len(found["warned"]) == 1
    assert "call load_keras first" in found["warned"][0]


@pytest.mark.parametrize("seed", [-1, 1.5, None, True])
def test_a_seed_that_is_none_is_refused(seed):
    with pytest.raises(ValueError, match="random_state must be a whole number"):
        load_keras(seed)
