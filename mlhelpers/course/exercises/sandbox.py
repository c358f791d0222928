"""Where a submission runs: the strongest protection that the machine allows, found out by trying.

Used by `runner`; the words that say which protection is in force are printed by `mle exercise grade`.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass, field
from pathlib import Path

from mlhelpers.course.files import find_root

NOBODY, FRESH = 65534, -1
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc", "/opt", "/sys/devices/system/cpu")
# Of the course: what lessons and helpers read. No exercise, no git history, no test.
COURSE = ("mlhelpers", "data", "notebooks/syllabus.yml", "notebooks/glossary.yml", "pyproject.toml")
_CONFINE = Path(__file__).with_name("confine.py")


@dataclass(frozen=True)
class Limits:
    """What one submission may use.

    Attributes
    ----------
    cell_seconds : float
        For one cell.
    total_seconds : float
        For the notebook, with every cell that had to be repeated.
    megabytes : int
        Memory of all its processes together.
    output_bytes : int
        Printed by one cell; the notebook may print ten times as much.
    processes : int
        At a time.
    file_megabytes : int
        One file.
    """

    cell_seconds: float = 60.0
    total_seconds: float = 900.0
    megabytes: int = 6000
    output_bytes: int = 1_000_000
    processes: int = 64
    file_megabytes: int = 512


@dataclass(frozen=True)
class Sandbox:
    """Protection that is in force.

    Attributes
    ----------
    namespaces : bool
        Own file system, process list and network.
    user : int or None
        Another user, None for the same; `FRESH` for one of its own for each folder.
    """

    namespaces: bool = False
    user: int | None = None
    limits: Limits = field(default_factory=Limits)

    def __str__(self) -> str:
        """Words for the terminal."""
        if self.namespaces:
            words = (
                "a sandbox of its own (read-only files, no course sources, no network, no other processes)"
            )
            return words + (", as another user" if self.user is not None else "")
        if self.user is not None:
            return "another user and limits only; this machine allows no sandbox"
        return (
            "limits only: this machine allows no sandbox, so submissions run under your account; "
            "grade in a container or under an account that owns nothing"
        )

    def command(self, folder: Path, *, work: Path | None = None) -> list[str]:
        """What stands before a command so that it runs confined to `folder`, and begins in `work`."""
        if sys.platform == "win32":
            return []
        limits = self.limits
        settings = {
            "namespaces": self.namespaces,
            "user": self.uid(folder),
            "folder": str(folder),
            "work": str(work or folder),
            "root": str(folder) + ".root",
            "readable": readable() if self.namespaces else [],
            "memory_bytes": limits.megabytes * 1_000_000,
            "file_bytes": limits.file_megabytes * 1_000_000,
            # threads count, and with a shared user those of others too
            "processes": 4 * limits.processes + 8 * (os.cpu_count() or 1) if self.user == FRESH else None,
        }
        return [sys.executable, "-I", "-S", str(_CONFINE), json.dumps(settings)]

    def uid(self, folder: Path) -> int | None:
        """Number of the user who owns `folder` and runs there."""
        if self.user != FRESH:
            return self.user
        return 1_500_000_000 + int.from_bytes(hashlib.sha256(str(folder).encode()).digest()[:3])

    def prepare(self, folder: Path) -> None:
        """Make `folder` one that the confined process may write to."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.namespaces:
            Path(f"{folder}.root").mkdir(exist_ok=True)
        if self.user is not None:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid(folder), self.uid(folder), follow_symlinks=False)


@functools.cache
def readable() -> list[str]:
    """Paths that a confined process sees: the system, Python, installed packages, the course's data."""
    packages = [Path(path) for path in sys.path if path and Path(path).exists()]
    found = [Path(path) for path in SYSTEM]
    found += [Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable), Path(sys.executable).resolve()]
    found += [Path(path) for path in sysconfig.get_paths().values()]
    found.append(Path(__file__).parents[3] / "mlhelpers")
    roots = {Path(__file__).parents[3]}
    for path in packages:
        if (path / "mlhelpers").is_dir() and (path / "notebooks").is_dir():
            roots.add(path)
        elif not _above_course(path.absolute()):
            found.append(path)
    with_root = roots | ({find_root()} if _has_root() else set())
    found += [root / name for root in with_root for name in COURSE]
    if named := os.environ.get("MLE_DATA_DIR"):
        found.append(Path(named))
    wanted = [path.absolute() for path in found if path.exists()]
    unique = sorted(set(wanted), key=lambda path: (len(path.parts), path))
    kept: list[Path] = []
    for path in unique:
        if path.is_symlink() or not any(
            path.is_relative_to(above) for above in kept if not above.is_symlink()
        ):
            kept.append(path)
    return [str(path) for path in kept]


def _above_course(path: Path) -> bool:
    return (path / "exercises").is_dir() or path in (Path(path.anchor), Path("/tmp"), Path.home())


def _has_root() -> bool:
    try:
        return bool(find_root())
    except FileNotFoundError:
        return False


@functools.cache
def best_sandbox() -> Sandbox:
    """Strongest protection that works here; each is tried once with a small program."""
    root = hasattr(os, "getuid") and os.getuid() == 0
    tries = []
    if sys.platform == "linux":
        users = (FRESH, NOBODY, None) if root else (None,)
        tries = [Sandbox(True, user) for user in users]
    if root:
        tries += [Sandbox(False, FRESH), Sandbox(False, NOBODY)]
    return next((sandbox for sandbox in tries if _works(sandbox)), Sandbox())


def _works(sandbox: Sandbox) -> bool:
    folder = new_folder()
    try:
        sandbox.prepare(folder)
        program = "import mlhelpers, numpy, ipykernel, os; open('written', 'w').close()"
        done = subprocess.run(
            [*sandbox.command(folder), sys.executable, "-c", program],
            env={**os.environ, **environment(folder)},
            capture_output=True,
            timeout=60,
        )
        return done.returncode == 0 and (folder / "written").exists()
    except (OSError, subprocess.SubprocessError):
        return False
    finally:
        remove(folder)


def new_folder() -> Path:
    """New private folder with a short path: names of sockets may have about a hundred characters."""
    import tempfile

    base = "/tmp" if os.path.isdir("/tmp") and sys.platform != "win32" else None
    return Path(tempfile.mkdtemp(prefix="mle-", dir=base))


def remove(folder: Path) -> None:
    """Delete a private folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(f"{folder}.root", ignore_errors=True)


def environment(folder: Path) -> dict[str, str]:
    """Variables by which programs keep their files in `folder`."""
    names = ("HOME", "TMPDIR", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "MPLCONFIGDIR", "XDG_CACHE_HOME")
    values = {name: str(folder / "home") for name in names}
    path = [str(Path(__file__).parents[3]), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    values |= {"USER": "student", "LOGNAME": "student"}
    return {**values, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)), "PYTHONDONTWRITEBYTECODE": "1"}
