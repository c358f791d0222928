"""An environment of its own for a bundle: the packages that it names, this package, and the bundle.

Taught in lesson 6.2 (packaging with dependencies).
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import mlhelpers
from mlhelpers.packaging.archive import BundleError, write_zip
from mlhelpers.packaging.bundle import Bundle
from mlhelpers.packaging.requirements import pinned_closure

# what a command imports beside the packages of every bundle; pinned to the versions of this environment
NEEDS = {
    "score": ("cryptography", "psutil", "pyarrow", "tqdm"),
    "serve": ("cryptography", "fastapi", "httptools", "orjson", "prometheus-client", "uvicorn", "uvloop"),
}
_MODULES = {"score": "mlhelpers.serving.batch", "serve": "mlhelpers.serving.app, uvicorn"}


class InstallError(RuntimeError):
    """An environment could not be made, or the bundle does not answer in it."""


def install_bundle(
    bundle: Bundle,
    folder: str | Path,
    *,
    commands: Iterable[str] = ("score",),
    wheels: str | Path | None = None,
    here: bool = False,
) -> Path:
    """Make a virtual environment in which a bundle answers, and let it answer there.

    Taught in lesson 6.2. The packages are those of the bundle's ``environment.txt``; `mlhelpers` itself comes
    from this installation.

    Parameters
    ----------
    bundle : Bundle
        From `load_bundle`, so that only a verified one is installed.
    folder : str or Path
        New folder; removed again if anything fails.
    commands : iterable of str, default=("score",)
        What is to run there: "score", "serve"; they want packages of their own.
    wheels : str or Path, optional
        Folder of wheels: nothing is fetched from elsewhere. Without it, and without `here`, pip asks the
        index that it is configured for.
    here : bool, default=False
        Link the packages of this environment, whose versions must be those of the bundle, and what these
        require: a rehearsal without a network, in which nothing else can be imported.

    Returns
    -------
    Path
        The environment's Python; the bundle lies in ``folder/bundle``.

    Raises
    ------
    FileExistsError
        If `folder` is there already and not empty.
    BundleError
        With `here`, if a version differs; the message names the package.
    InstallError
        If pip fails, or the bundle does not give its stored answers in the new environment.
    """
    folder = Path(folder).absolute()
    unknown = [command for command in commands if command not in NEEDS]
    if unknown:
        raise ValueError(f"no command {unknown[0]!r} to install for; there are {', '.join(NEEDS)}")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there already; give a new folder")
    source = bundle.read_files()
    pins = source["environment.txt"].decode().split("\n")
    pins = [line.strip() for line in pins if line.strip() and not line.startswith("#")]
    named = {re.split(r"[=<>~! ;\[]", pin)[0].lower() for pin in pins}
    needs = {need for command in commands for need in NEEDS[command] if _installs(need)}
    pins += [pin for pin in pinned_closure(needs) if pin.partition("==")[0] not in named]
    lent = _lent(pins) if here else None
    try:
        python = _made(folder, source, pins, wheels, lent)
        for command in commands:
            _run([str(python), "-c", f"import {_MODULES[command]}"], f"the import of what {command!r} needs")
        return python
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def link_distributions(names: Iterable[str], folder: str | Path) -> Path:
    """Link the files of installed distributions into a folder, and nothing else that lies beside them.

    Taught in lesson 6.2: a Python that searches only this folder shows whether a list of requirements is
    enough. What the distributions require is not linked unless it is named; see `pinned_closure`.

    Parameters
    ----------
    names : iterable of str
        Installed distributions, such as "scikit-learn".
    folder : str or Path
        Made if it is not there; files that lie there already are left as they are.

    Returns
    -------
    Path
        `folder`.

    Raises
    ------
    ValueError
        If one is not installed, or does not list its files.
    """
    site = Path(folder)
    site.mkdir(parents=True, exist_ok=True)
    owners = metadata.packages_distributions()
    for name in names:
        try:
            distribution = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            raise ValueError(f"{name} is not installed here; install it, or take it from the list") from None
        if distribution.files is None:
            raise ValueError(f"{name} does not list its files; install it with pip")
        for file in distribution.files:
            first = file.parts[0]
            if first in ("..", "__pycache__") or file.is_absolute():
                continue  # a script of the environment, or compiled code
            shared = len(set(owners.get(first, ()))) > 1  # a folder that others put files into as well
            part = Path(*file.parts) if shared else Path(first)
            source, target = Path(str(distribution.locate_file(str(part)))), site / part
            if target.exists() or not source.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.symlink_to(source, target_is_directory=source.is_dir())
            except OSError:  # Windows lets only some accounts make links
                (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)
    return site


def own_wheel(folder: str | Path) -> Path:
    """Write a wheel of this package's code, without its dependencies; the same code gives the same bytes.

    Taught in lesson 6.2: a wheel is a zip with three more files.

    Parameters
    ----------
    folder : str or Path
        Where to.

    Returns
    -------
    Path
        ``mlhelpers-<version>-py3-none-any.whl``.
    """
    root = Path(mlhelpers.__file__).parent
    version = mlhelpers.__version__
    info = f"mlhelpers-{version}.dist-info"
    files = {
        f"mlhelpers/{path.relative_to(root).as_posix()}": path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\nName: mlhelpers\nVersion: {version}\n".encode()
    files[f"{info}/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: mlhelpers\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = [
        f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},"
        f"{len(content)}"
        for name, content in files.items()
    ]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    return write_zip(files, Path(folder) / f"mlhelpers-{version}-py3-none-any.whl")


def _made(
    folder: Path, source: dict[str, bytes], pins: list[str], wheels: str | Path | None, lent: list[str] | None
) -> Path:
    _run([sys.executable, "-m", "venv", "--without-pip", str(folder)], "venv")
    windows = sys.platform == "win32"
    python = folder / ("Scripts/python.exe" if windows else "bin/python")
    home = folder / "bundle"
    home.mkdir()
    for name, content in source.items():
        (home / name).write_bytes(content)
    own = own_wheel(folder)
    # this environment's pip installs into the other, which then needs none of its own
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "install"]
    pip += ["--quiet", "--no-input"]
    if lent is not None:
        site = _run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], "python")
        link_distributions(lent, site.strip())
    else:
        index = ["--no-index", "--find-links", str(Path(wheels).resolve())] if wheels else []
        _run([*pip, *index, *pins], "pip")
    _run([*pip, "--no-index", "--no-deps", "--ignore-installed", str(own)], "pip")
    own.unlink()
    _run([str(python), "-m", "mlhelpers.packaging.command", "verify", str(home.resolve())], "the bundle")
    return python


def _run(command: list[str], what: str) -> str:
    # nothing of the caller's environment may help: the new one has to stand alone
    lent = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")
    clean = {name: value for name, value in os.environ.items() if name not in lent}
    done = subprocess.run(command, capture_output=True, text=True, env=clean, cwd=Path(sys.prefix))
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()
        raise InstallError(f"{what} failed with status {done.returncode}: {' '.join(said[-3:])}")
    return done.stdout


def _installs(need: str) -> bool:
    return not (need == "uvloop" and sys.platform == "win32")


def _lent(pins: list[str]) -> list[str]:
    """Distributions of this environment that have the versions asked for, with what they require."""
    names = []
    for pin in pins:
        found = re.fullmatch(r"([\w.-]+)==([\w.+!-]+)", pin)
        if found is None:
            raise BundleError(f"environment.txt: {pin!r} is no pin such as name==1.2.3")
        name, version = found.groups()
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            raise BundleError(f"environment.txt wants {pin}, and here is none") from None
        if installed != version:
            raise BundleError(f"environment.txt wants {pin}, here is {installed}; install it without `here`")
        names.append(name)
    return [pin.partition("==")[0] for pin in pinned_closure(names)]
