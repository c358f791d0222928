"""The service as a child process, for tests, trials and the deploy stage of the pipeline.

Taught in lessons 7.2 (REST APIs) and 8.5 (rollback and canary).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_POLL = 0.02


class ServiceError(RuntimeError):
    """The service did not start, or answered a request with an error."""


@dataclass
class Service:
    """A running service.

    Attributes
    ----------
    url : str
        Address, such as ``http://127.0.0.1:40123``.
    log : Path
        File with what the service wrote.
    process : subprocess.Popen
        Its process.
    """

    url: str
    log: Path
    process: subprocess.Popen = field(repr=False)

    def request(self, rows: Any, *, timeout: float = 30.0) -> dict[str, Any]:
        """Ask for predictions.

        Parameters
        ----------
        rows : mapping, sequence of mapping, or DataFrame
            One row or several; missing values are None or NaN.
        timeout : float, default=30.0
            Seconds.

        Returns
        -------
        dict
            model and probabilities.

        Raises
        ------
        ServiceError
            If the answer is not a 200; carries the answer.
        """
        import requests

        answer = requests.post(f"{self.url}/v1/predict", json={"rows": _plain(rows)}, timeout=timeout)
        if answer.status_code != 200:
            raise ServiceError(f"the service answered {answer.status_code}: {answer.text[:500]}")
        return answer.json()

    def stop(self, *, timeout: float = 10.0) -> int:
        """Let the service finish its requests and end; killed if it has not after `timeout` seconds.

        Returns
        -------
        int
            Exit code; 0 if it ended by itself.
        """
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


@contextmanager
def running_service(
    bundle: str | Path,
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    timeout: float = 30.0,
    log: str | Path | None = None,
    options: Sequence[str] = (),
) -> Iterator[Service]:
    """Serve a bundle in a process of its own for as long as the block lasts.

    Taught in lesson 7.2.

    Parameters
    ----------
    bundle : str or Path
        Folder made by `mlhelpers.packaging.build_bundle`.
    port : int, default=0
        0 takes a free one: the service binds it itself and says which, so no other process can take it first.
    host : str, default="127.0.0.1"
        Address to listen on.
    timeout : float, default=30.0
        Seconds to wait until the service is ready.
    log : str or Path, optional
        File for what the service writes; a temporary one, gone afterwards, without it.
    options : sequence of str, default=()
        Further options of ``mle serve``, such as ``["--workers", "2"]``.

    Yields
    ------
    Service
        Ready to answer. It ends with the block, and by itself soon after this process does.

    Raises
    ------
    ServiceError
        If it is not ready in time; carries the end of the log.
    """
    with _launched(bundle, port=port, host=host, log=log, options=options) as (service, said):
        service.url = _wait_until_ready(service.process, said, service.log, timeout)
        yield service


@contextmanager
def running_services(
    bundles: Mapping[str, str | Path], *, timeout: float = 30.0, logs: str | Path | None = None
) -> Iterator[dict[str, Service]]:
    """Serve several bundles at once, each on a free port of this machine; they start side by side.

    Taught in lesson 8.5.

    Parameters
    ----------
    bundles : mapping of str to path
        Name of each service and its bundle.
    timeout : float, default=30.0
        Seconds to wait until all are ready.
    logs : str or Path, optional
        Existing folder for one log a service, ``NAME.log``.

    Yields
    ------
    dict of str to Service
        Ready to answer.

    Raises
    ------
    ServiceError
        If one is not ready in time; the others are stopped.
    """
    with ExitStack() as stack:
        launched = {
            name: stack.enter_context(
                _launched(bundle, port=0, host="127.0.0.1", log=Path(logs) / f"{name}.log" if logs else None)
            )
            for name, bundle in bundles.items()
        }
        end = time.monotonic() + timeout
        for service, said in launched.values():
            left = end - time.monotonic()
            service.url = _wait_until_ready(service.process, said, service.log, left)
        yield {name: service for name, (service, _) in launched.items()}


@contextmanager
def _launched(
    bundle: str | Path, *, port: int, host: str, log: str | Path | None, options: Sequence[str] = ()
) -> Iterator[tuple[Service, Path]]:
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "said.json"
        log = Path(folder) / "service.log" if log is None else Path(log)
        command = [sys.executable, "-m", "mlhelpers.serving.server", str(bundle)]
        command += ["--host", host, "--port", str(port), "--parent", str(os.getpid())]
        command += ["--drain-seconds", "0", *options]  # whoever asks it stops it, so nobody is cut off
        with said.open("wb") as out, log.open("wb") as errors:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors)
        service = Service("", log, process)
        try:
            yield service, said
        finally:
            service.stop()


def _wait_until_ready(process: subprocess.Popen, said: Path, log: Path, timeout: float) -> str:
    import requests

    end, url = time.monotonic() + timeout, ""
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ServiceError(f"the service ended with code {process.returncode}:\n{_tail(log)}")
        first, end_of_line, _ = said.read_text().partition("\n")
        if end_of_line:
            url = json.loads(first)["url"]
            try:
                if requests.get(f"{url}/health/ready", timeout=1).status_code == 200:
                    return url
            except requests.RequestException:
                pass  # listening but not yet answering
        time.sleep(_POLL)
    raise ServiceError(f"the service was not ready after {timeout:g} s:\n{_tail(log)}")


def _tail(log: Path, lines: int = 20) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _plain(rows: Any) -> Any:
    if isinstance(rows, Mapping):
        return {name: _plain_cell(value) for name, value in rows.items()}
    if isinstance(rows, Sequence):
        return [_plain(row) for row in rows]
    return _plain(rows.to_dict("records"))


def _plain_cell(value: Any) -> Any:
    value = value.item() if hasattr(value, "item") else value
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    return None if value != value else value
