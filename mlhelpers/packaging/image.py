"""The build context of a bundle's image: Dockerfile, .dockerignore, pins with hashes, package and bundle.

Taught in lessons 6.4 (containers) and 6.5 (worked example).
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from mlhelpers.packaging.bundle import Bundle
from mlhelpers.packaging.containers import BASE, PORT
from mlhelpers.packaging.install import NEEDS, own_wheel
from mlhelpers.packaging.requirements import pinned_closure

_DOCKERFILE = """\
# syntax=docker/dockerfile:1
# Image of a model bundle, written by `mle bundle dockerfile`; in this folder: docker build -t {tag} .
ARG BASE={base}

FROM ${{BASE}} AS build
RUN python -m venv /opt/env
# the packages change seldom, so their layer comes first
COPY requirements.txt /tmp/
RUN /opt/env/bin/pip install --no-cache-dir --require-hashes -r /tmp/requirements.txt
COPY {wheel} /tmp/
RUN /opt/env/bin/pip install --no-cache-dir --no-index --no-deps /tmp/{wheel}

FROM ${{BASE}}
RUN groupadd --gid 10001 service && useradd --uid 10001 --gid 10001 --no-create-home service
COPY --from=build /opt/env /opt/env
COPY bundle /opt/ml/model
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 OMP_NUM_THREADS=1
USER 10001:10001
EXPOSE {port}
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \\
  CMD ["/opt/env/bin/python", "-c", \\
       "import urllib.request as ask; ask.urlopen('http://127.0.0.1:{port}/health/live', timeout=2)"]
STOPSIGNAL SIGTERM
# exec form: the service is process 1 and hears SIGTERM; it drains for five seconds before it ends
CMD ["/opt/env/bin/python", "-m", "mlhelpers.serving.server", "/opt/ml/model", \\
     "--host", "0.0.0.0", "--port", "{port}"]
"""
_IGNORE = """\
# Nothing goes into the image that is not named here.
*
!requirements.txt
!mlhelpers-*.whl
!bundle
bundle/.*
"""


def dockerfile(*, base: str = BASE, tag: str = "model", version: str | None = None, port: int = PORT) -> str:
    """Text of the Dockerfile.

    Taught in lesson 6.4.

    Parameters
    ----------
    base : str
        Image that it stands on; by digest (``name:tag@sha256:...``) it is the same one tomorrow.
    tag : str, default="model"
        Name of the image, for the comment.
    version : str, optional
        Of this package; default: the installed one.
    port : int, default=8080
        Port that the service listens on.

    Returns
    -------
    str
    """
    from mlhelpers import __version__

    wheel = f"mlhelpers-{version or __version__}-py3-none-any.whl"
    return _DOCKERFILE.format(base=base, tag=tag, wheel=wheel, port=port)


def write_context(
    bundle: Bundle,
    folder: str | Path,
    *,
    lock: str | Path,
    base: str = BASE,
    port: int = PORT,
) -> Path:
    """Write the build context of a bundle's image.

    Taught in lesson 6.4.

    Parameters
    ----------
    bundle : Bundle
        From `load_bundle`, so that only a verified one goes into an image.
    folder : str or Path
        New folder; written whole or not at all.
    lock : str or Path
        Requirements file with hashes, such as the course's ``requirements.lock``: the pins of what the
        service needs are taken from it.
    base, port
        As in `dockerfile`.

    Returns
    -------
    Path
        `folder`, with Dockerfile, .dockerignore, requirements.txt, the wheel of this package, and bundle/.

    Raises
    ------
    FileExistsError
        If `folder` is there already and not empty.
    FileNotFoundError
        If there is no lock.
    ValueError
        If the lock lacks a package or its hashes; the message names it.
    """
    folder, lock = Path(folder), Path(lock)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} is there already; give a new folder")
    if not lock.is_file():
        raise FileNotFoundError(f"there is no {lock}; give --lock, a requirements file with hashes")
    source = bundle.read_files()
    wanted = [line.split("==")[0] for line in source["environment.txt"].decode().split() if "==" in line]
    pins = locked(lock, [*wanted, *NEEDS["serve"]])
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        (work / "bundle").mkdir()
        for name, content in source.items():
            (work / "bundle" / name).write_bytes(content)
        own_wheel(work)
        (work / "requirements.txt").write_text(pins, encoding="utf-8")
        (work / ".dockerignore").write_text(_IGNORE, encoding="utf-8")
        tag = f"{bundle.name}:{bundle.version}"
        (work / "Dockerfile").write_text(dockerfile(base=base, tag=tag, port=port), encoding="utf-8")
        work.chmod(0o755)
        if folder.exists():
            folder.rmdir()
        os.replace(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def locked(lock: str | Path, names: list[str]) -> str:
    """Entries of a lock for packages and everything that they need here, hashes and markers with them.

    Taught in lesson 6.4.

    Parameters
    ----------
    lock : str or Path
        Requirements file with hashes.
    names : list of str
        Packages.

    Returns
    -------
    str
        A requirements file.

    Raises
    ------
    ValueError
        If the lock lacks one of them, or its hashes.
    """
    lock = Path(lock)
    text = re.sub(r"(?m)^\s*#.*\n?", "", lock.read_text(encoding="utf-8"))
    entries = {
        re.sub(r"[-_.]+", "-", entry.split("==")[0].strip()).lower(): entry.strip()
        for entry in re.split(r"(?m)^(?=\S)", text)
        if "==" in entry
    }
    found = []
    for pin in pinned_closure(names):
        name = pin.split("==")[0]
        if name not in entries:
            raise ValueError(f"{lock.name} does not pin {name}, which the service needs")
        if "--hash=" not in entries[name]:
            raise ValueError(f"{lock.name} has no hash of {name}; lock with --generate-hashes")
        found.append(entries[name])
    return "\n".join(found) + "\n"
