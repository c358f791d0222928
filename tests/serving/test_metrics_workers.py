import os
import subprocess
import sys

from mlhelpers.serving.metrics import _forget_dead


def test_gauges_of_a_killed_worker_are_forgotten(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    kinds = ["gauge_livesum", "gauge_livemax", "counter"]
    for number in (ended.pid, os.getpid()):
        for kind in kinds:
            (tmp_path / f"{kind}_{number}.db").touch()
    _forget_dead(tmp_path)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {f"counter_{ended.pid}.db", *(f"{kind}_{os.getpid()}.db" for kind in kinds)}
