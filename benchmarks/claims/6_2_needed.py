"""Which of the required distributions a model's process misses when they are left out (lesson 6.2).

A boosted model is saved with skops. A Python that sees only the transitive requirements of skops and NumPy
loads it and answers one row; then each distribution is left out once. Measured: the last line that it
says. It takes about 25 s.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import skops.io
from shared.script import command
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier

from mlhelpers.packaging import link_distributions, pinned_closure

OUTPUT = Path(__file__).with_suffix(".csv")
ASK = """
import sys; sys.path.append(sys.argv[1])
import numpy as np, skops.io
model = skops.io.load(sys.argv[2], trusted=skops.io.get_untrusted_types(file=sys.argv[2]))
assert 0 < model.predict_proba(np.zeros((1, 5)))[0, 1] < 1
print("answers")
"""


def main(repeats: int | None = None, output: Path = OUTPUT) -> pd.DataFrame:
    X, y = make_classification(300, 5, n_informative=3, n_redundant=0, random_state=0)
    needed = [pin.partition("==")[0] for pin in pinned_closure(["skops", "numpy"])]
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.skops"
        skops.io.dump(HistGradientBoostingClassifier(max_iter=5).fit(X, y), path)
        for out in ["nothing", *needed][:repeats]:
            site = link_distributions([name for name in needed if name != out], Path(folder) / out)
            command = [sys.executable, "-I", "-S", "-c", ASK, str(site), str(path)]
            done = subprocess.run(command, capture_output=True, text=True)
            rows.append((out, (done.stdout or done.stderr).strip().splitlines()[-1]))
    table = pd.DataFrame(rows, columns=["left_out", "said"])
    table.to_csv(output, index=False, lineterminator="\n")
    return table


if __name__ == "__main__":
    command(main)
