"""A check-up of the learner's machine, behind `mle doctor`. Taught in lesson 1.5.

Each check says what it found and, where something is wrong, what to do.
"""

from __future__ import annotations

import html
import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from mlhelpers.course.files import find_root

PORTS = {8000: "the service of the deploy stage", 8888: "JupyterLab", 5000: "MLflow's pages"}
FREE_MEMORY_GB, FREE_DISK_GB = 1.5, 2.0
OK, NOTE, WRONG = "ok", "note", "wrong"


@dataclass(frozen=True)
class Check:
    """One thing looked at: name, status (``ok``, ``note`` or ``wrong``), what was found, what to do."""

    name: str
    status: str
    found: str
    advice: str = ""


@dataclass(frozen=True)
class Report:
    """All checks; shows itself as a table in a notebook and as text elsewhere."""

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def problems(self) -> list[Check]:
        """Checks that found something wrong."""
        return [check for check in self.checks if check.status == WRONG]

    def __str__(self) -> str:
        """Plain-text table."""
        return "\n".join([*map(_line, self.checks), self.verdict])

    @property
    def verdict(self) -> str:
        """The last line of the table."""
        return "all well" if self.ok else f"{len(self.problems)} to repair"

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = "".join(
            "<tr>"
            + "".join(
                f'<td style="text-align:left">{html.escape(text)}</td>'
                for text in (check.name, check.status, check.found, check.advice)
            )
            + "</tr>"
            for check in self.checks
        )
        head = "".join(
            f'<th style="text-align:left">{title}</th>' for title in ("Check", "", "Found", "What to do")
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _line(check: Check) -> str:
    """A check as one or two lines of the table."""
    advice = f"\n{'':<17}-> {check.advice}" if check.advice else ""
    return f"{check.status:<6}{check.name:<10} {check.found}{advice}"


def check_up(root: str | os.PathLike[str] | None = None, *, short: bool = False) -> Report:
    """Look at system, Python, packages, memory, disk, GPU, ports and data.

    Parameters
    ----------
    root : path-like, optional
        Folder of the course; default is the nearest one upward of the current folder.
    short : bool, default=False
        Leave out what takes seconds: the GPU and the data files.

    Returns
    -------
    Report
    """
    return Report(tuple(look() for _, look in _looks(root, short=short)))


def _looks(
    root: str | os.PathLike[str] | None = None, *, short: bool = False
) -> list[tuple[str, Callable[[], Check]]]:
    """What is looked at, and the function that does it, in the order of the table."""
    root = Path(root) if root is not None else find_root()
    looks: list[tuple[str, Callable[[], Check]]] = [
        ("system", _system),
        ("Python", _python),
        ("packages", partial(_packages, root / "requirements.lock")),
        ("memory", _memory),
        ("disk", partial(_disk, root)),
    ]
    if not short:
        looks.append(("GPU", _gpu))
    looks += [(f"port {port}", partial(_port, port, use)) for port, use in PORTS.items()]
    if not short:
        looks.append(("data", _data))
    return looks


def _system() -> Check:
    return Check("system", OK, f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores")


def _python() -> Check:
    version = platform.python_version()
    if sys.version_info[:2] == (3, 11):
        return Check("Python", OK, version)
    return Check(
        "Python", WRONG, version, "the course needs Python 3.11; `make lab` installs it into its own folder"
    )


def lock_differences(lock: str | os.PathLike[str]) -> dict[str, tuple[str, str | None]]:
    """Packages whose installed version is not the one of the lock.

    Parameters
    ----------
    lock : path-like
        Requirements file with pinned versions; entries whose marker does not fit this machine are left out.

    Returns
    -------
    dict of str to (str, str or None)
        Version in the lock and version installed (None when absent), by package.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    """
    from packaging.requirements import Requirement

    differences = {}
    for line in Path(lock).read_text(encoding="utf-8").splitlines():
        if not line or line[0] in "# -":
            continue
        requirement = Requirement(line.rstrip("\\ ").split(" --hash")[0])
        if requirement.marker is not None and not requirement.marker.evaluate():
            continue
        wanted = str(requirement.specifier).removeprefix("==")
        try:
            installed = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            installed = None
        if installed is None or not requirement.specifier.contains(installed, prereleases=True):
            differences[requirement.name] = (wanted, installed)
    return differences


def _packages(lock: Path) -> Check:
    try:
        differences = lock_differences(lock)
    except FileNotFoundError:
        return Check(
            "packages",
            WRONG,
            "requirements.lock is missing",
            "restore it with git checkout -- requirements.lock",
        )
    if not differences:
        return Check("packages", OK, "all versions are those of requirements.lock")
    shown = [f"{name} {have or 'absent'} instead of {want}" for name, (want, have) in differences.items()]
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return Check(
        "packages",
        WRONG,
        ", ".join(shown[:5]) + more,
        "run python -m pip install -r requirements.lock",
    )


def _memory() -> Check:
    import psutil

    free, total = (
        value / 1e9 for value in (psutil.virtual_memory().available, psutil.virtual_memory().total)
    )
    enough = free >= FREE_MEMORY_GB
    advice = "" if enough else f"close other programs; a lesson may take {FREE_MEMORY_GB} GB"
    return Check("memory", OK if enough else WRONG, f"{free:.1f} of {total:.1f} GB free", advice)


def _disk(folder: Path) -> Check:
    free = shutil.disk_usage(folder).free / 1e9
    enough = free >= FREE_DISK_GB
    return Check(
        "disk",
        OK if enough else WRONG,
        f"{free:.1f} GB free",
        "" if enough else f"free {FREE_DISK_GB} GB for pipelines",
    )


def _gpu() -> Check:
    found = []
    if shutil.which("nvidia-smi"):
        lines = _ask(["nvidia-smi", "-L"]).splitlines()
        found += [line.split(" (UUID")[0] for line in lines if line.startswith("GPU")]
    if not _has_driver():  # the frameworks could see none, and asking them takes ten seconds
        return Check("GPU", NOTE, "none found; no lesson needs one")
    for name, question in {
        "tensorflow": "print(len(tensorflow.config.list_physical_devices('GPU')))",
        "torch": "print(torch.cuda.device_count())",
    }.items():
        if importlib.util.find_spec(name) is not None:  # in a process of its own: it takes seconds and memory
            answer = _ask([sys.executable, "-c", f"import {name}; {question}"]).split()
            found.append(f"{name} sees {answer[-1] if answer else 'no'} GPU")
    return Check("GPU", OK if found else NOTE, ", ".join(found) or "none found; no lesson needs one")


def _has_driver() -> bool:
    """Whether this system may offer a GPU: NVIDIA's driver, AMD's, or a Mac."""
    places = (Path("/dev/nvidiactl"), Path("/dev/kfd"), Path("/dev/dxg"))  # the last is Windows' Linux
    return sys.platform != "linux" or bool(shutil.which("nvidia-smi")) or any(p.exists() for p in places)


def _ask(command: list[str]) -> str:
    """Output of another program; empty when it fails or takes longer than a minute."""
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (subprocess.SubprocessError, OSError):
        return ""
    return run.stdout


def _port(port: int, use: str) -> Check:
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            advice = "fine if that is what runs there; otherwise end the other program or choose another port"
            return Check(f"port {port}", NOTE, f"in use ({use})", advice)
    return Check(f"port {port}", OK, f"free ({use})")


def _data() -> Check:
    from mlhelpers.course.commands.data import data_problems

    try:
        problems = data_problems()
    except ModuleNotFoundError as error:
        return Check("data", NOTE, f"not checked: {error}")
    if problems:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        return Check("data", WRONG, problems[0] + more, "restore the files with git checkout -- data")
    return Check("data", OK, "all files are as the catalog says")


def command(args) -> int:
    """Run the subcommand `mle doctor`; each line is shown as soon as it is known."""
    looks = _looks()
    watched = sys.stderr.isatty() and sys.stdout.isatty() and not args.json
    checks = []
    for number, (name, look) in enumerate(looks, 1):
        if watched:
            print(f"looking at {name} ({number} of {len(looks)})", end="", file=sys.stderr, flush=True)
        checks.append(look())
        if watched:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
        if not args.json:
            print(_line(checks[-1]), flush=True)
    report = Report(tuple(checks))
    if args.json:
        print(json.dumps({"ok": report.ok, "checks": [asdict(check) for check in report.checks]}, indent=2))
    else:
        print(report.verdict)
    return 0 if report.ok else 1
