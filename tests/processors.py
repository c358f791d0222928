"""Rerun notebooks and the pipeline as processors that this machine may not have.

`make test-processors` calls it. NumPy, OpenBLAS and oneDNN choose their code by the processor; their own
environment variables make them choose as an older one would. Stored outputs, dvc.lock and `git status` must
stay as they are. Everything happens in copies of the tree, one for each of the two, side by side; nothing is
left behind.

    python tests/processors.py                all notebooks and the pipeline
    python tests/processors.py --changed 20   the pipeline, and notebooks that the last 20 commits changed
    python tests/processors.py NOTEBOOK ...   these notebooks only
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# NumPy 1.26 knows no AVX512_SPR; a name that it does not know only warns, so it is left out.
_AVX512 = "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL"
PROFILES = {
    "no AVX-512": {
        "NPY_DISABLE_CPU_FEATURES": _AVX512,
        "OPENBLAS_CORETYPE": "Haswell",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
    },
    "an old machine": {
        "NPY_DISABLE_CPU_FEATURES": f"{_AVX512} AVX2 FMA3",
        "OPENBLAS_CORETYPE": "Nehalem",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
    },
}
# What a process says of itself; threadpoolctl sees a BLAS only once SciPy has loaded it.
_PROBE = """
import json, numpy, scipy.linalg, threadpoolctl
from numpy.core._multiarray_umath import __cpu_features__ as features
blas = {info["architecture"] for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"}
print(json.dumps([sorted(name for name in ("AVX512F", "AVX2", "FMA3") if features.get(name)), sorted(blas)]))
"""


def in_force(environment: dict[str, str]) -> tuple[list[str], list[str]]:
    """SIMD features that NumPy uses, and kernels that OpenBLAS uses, in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", _PROBE], env=environment, check=True, capture_output=True, text=True
    )
    features, blas = json.loads(done.stdout)
    return features, blas


def problems_of(profile: dict[str, str], features: list[str], blas: list[str]) -> list[str]:
    """Why the settings of a profile are not in force; empty when they are."""
    off = set(profile["NPY_DISABLE_CPU_FEATURES"].split())
    found = [f"NumPy still uses {name}" for name in features if name in off]
    if blas != [profile["OPENBLAS_CORETYPE"]]:
        found.append(f"OpenBLAS uses {', '.join(blas)}, not {profile['OPENBLAS_CORETYPE']}")
    return found


def copy_of_the_tree(folder: Path) -> Path:
    """Clone of HEAD with the changes of the work tree, committed there so that `git status` is empty."""
    copy = folder / "course"
    _git("clone", "--quiet", "--shared", str(ROOT), str(copy))
    for name in _git("ls-files", "-z", "--modified", "--others", "--exclude-standard").split("\0"):
        source, target = ROOT / name, copy / name
        if name and source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
        elif name:
            target.unlink(missing_ok=True)
    _git("add", "--all", cwd=copy)
    who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
    _git(*who, "commit", "--quiet", "--allow-empty", "--message", "as it is", cwd=copy)
    return copy


def changed_notebooks(commits: int) -> list[str]:
    """Notebooks that the last commits changed and that are still there; by all commits if there are fewer."""
    there = int(_git("rev-list", "--count", "--first-parent", "HEAD"))
    # the empty tree stands before the first commit
    before = f"HEAD~{commits}" if commits < there else _git("hash-object", "-t", "tree", os.devnull).strip()
    names = _git("diff", "--name-only", before, "HEAD", "--", "notebooks/*.ipynb").splitlines()
    return sorted(name for name in names if (ROOT / name).is_file())


def run(title: str, command: list[str], copy: Path, environment: dict[str, str]) -> bool:
    """Run a command in the copy, say how long it took, and whether it left the tree as it was."""
    begun = time.perf_counter()
    done = subprocess.run(
        command, cwd=copy, env=environment, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    changed = _git("status", "--porcelain", cwd=copy).strip()
    seconds = time.perf_counter() - begun
    good = not done.returncode and not changed
    told = [f"processors: {title}: {'ok' if good else 'FAILED'}, {seconds:.0f} s"]
    if done.returncode:
        told.append(done.stdout)
    else:
        told += done.stdout.splitlines()[-1:]
    if changed:
        told += [f"processors: changed files:\n{changed}", _git("diff", "--unified=1", cwd=copy)[:20_000]]
        _git("checkout", "--quiet", ".", cwd=copy)
    print("\n".join(told), flush=True)  # in one piece: the other processor prints as well
    return good


def check_profile(name: str, notebooks: list[str], *, pipeline: bool, workers: int) -> bool:
    """Rerun notebooks and the pipeline as one processor; whether everything stayed as it is."""
    profile = PROFILES[name]
    with tempfile.TemporaryDirectory() as folder:
        copy = copy_of_the_tree(Path(folder))
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
        own = {"PATH": path, "PYTHONPATH": str(copy), "MLE_PROGRESS_DIR": folder}
        environment = os.environ | profile | own
        features, blas = in_force(environment)
        used = f"NumPy uses {', '.join(features) or 'neither AVX2 nor FMA3'}, OpenBLAS {', '.join(blas)}"
        print(f"processors: {name}: {used}", flush=True)
        if found := problems_of(profile, features, blas):
            print(f"processors: {name}: not in force: {'; '.join(found)}", file=sys.stderr)
            return False
        nbval = [sys.executable, "-m", "pytest", "--nbval", "-p", "no:cacheprovider", "-q"]
        good = True
        if notebooks:
            command = [*nbval, "-n", str(workers), "--dist", "loadfile", *notebooks]
            good &= run(f"{name}: notebooks", command, copy, environment)
        if pipeline:
            command = [sys.executable, "pipelines/run.py", "churn"]
            good &= run(f"{name}: pipeline", command, copy, environment)
            good &= run(f"{name}: stages", [*nbval, "pipelines"], copy, environment)
        return good


def _git(*arguments: str, cwd: Path | None = None) -> str:
    return subprocess.run(
        ["git", *arguments], cwd=cwd or ROOT, check=True, capture_output=True, text=True
    ).stdout


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 when nothing differs, 1 otherwise."""
    parser = argparse.ArgumentParser(description="Rerun notebooks and the pipeline as two other processors.")
    parser.add_argument(
        "notebooks", nargs="*", help="only these; default: all of notebooks/, and the pipeline"
    )
    parser.add_argument(
        "--changed", type=int, metavar="N", help="only notebooks that the last N commits changed"
    )
    parser.add_argument("--workers", type=int, default=int(os.environ.get("WORKERS", "2")))
    options = parser.parse_args(arguments)
    pipeline = not options.notebooks
    notebooks = options.notebooks or ["notebooks"]
    if options.changed is not None:
        notebooks, pipeline = changed_notebooks(options.changed), True
    at_once = min(len(PROFILES), max(options.workers, 1))
    check = partial(
        check_profile, notebooks=notebooks, pipeline=pipeline, workers=max(options.workers // at_once, 1)
    )
    with ThreadPoolExecutor(at_once) as pool:
        good = all(list(pool.map(check, PROFILES)))
    print(f"processors: {'the same as everywhere' if good else 'outputs or hashes differ'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
