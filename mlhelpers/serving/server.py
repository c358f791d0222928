"""The service's command: ``mle serve BUNDLE``, or ``python -m mlhelpers.serving.server BUNDLE``.

Taught in lesson 7.2 (REST APIs). Other ASGI servers start the same application:
``MLE_SERVE='["BUNDLE"]' gunicorn -k asgi "mlhelpers.serving.server:application()"``.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlhelpers.serving.contracts import CONTRACTS, read_contract

if TYPE_CHECKING:
    from mlhelpers.packaging.bundle import Bundle
    from mlhelpers.serving.app import PredictionApp

OPTIONS = "MLE_SERVE"  # variable that hands the options to worker processes, as a JSON list
_SWITCH_SECONDS = 0.0005  # a tenth of Python's: single rows wait less for a thread with thousands
_ALIAS = re.compile(r"models:/(?P<name>[^/@]+)@(?P<alias>[\w-]+)")


def application() -> PredictionApp:
    """The application for the options in the variable ``MLE_SERVE``; what workers and other servers start."""
    options = json.loads(os.environ.get(OPTIONS) or "[]")
    return _make_app(_options(options))


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a bundle until told to stop; prints a line of JSON with the address and one for people.

    Returns
    -------
    int
        0 after a normal end, 2 if the bundle, an option or the address cannot be used.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    options = _options(arguments)

    import uvicorn

    from mlhelpers.serving.protocol import LimitedHeads

    try:
        # Made here even if worker processes will make it again: a bundle that cannot be used is told at once.
        app = _make_app(options)
        listener = socket.create_server((options.host, options.port))
    except (ValueError, OSError) as error:
        print(f"mle serve: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    settings = {"log_level": "warning", "timeout_graceful_shutdown": 10, "access_log": False}
    # Longer than the 60 s after which proxies and clients usually close an idle connection themselves:
    # whoever closes first must not be the one that a request is on its way to.
    settings["timeout_keep_alive"] = 75
    settings |= {"server_header": False, "backlog": 2048, "http": LimitedHeads}
    with listener:
        port = listener.getsockname()[1]
        url = f"http://{options.host}:{port}"
        print(json.dumps({"url": url, "port": port}), flush=True)
        model = app.slots["champion"].bundle
        print(
            f"mle serve: {model.name} {model.version} answers; open {url}/ to ask it, Ctrl-C ends it",
            flush=True,
        )
        if options.workers > 1:
            return _serve_with_workers(options, arguments, listener, settings)
        server = uvicorn.Server(uvicorn.Config(app, **settings))
        if options.parent is not None:
            threading.Thread(target=_watch_parent, args=(options.parent, server), daemon=True).start()
        for number in (signal.SIGINT, signal.SIGTERM):
            # uvicorn ends gracefully on either and then raises it again: being told to stop is no failure
            signal.signal(number, lambda *_: None)
        server.run(sockets=[listener])
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    """Options of the command line, what a contract says put in where nothing else was said."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.paths = {}
    if options.contract is not None:
        try:
            contract = read_contract(options.contract, os.environ, model_folder=options.bundle)
        except ValueError as error:
            parser.exit(2, f"mle serve: {error}\n")
        options.bundle, options.paths = contract.bundle, contract.paths
        options.host = contract.host if options.host is None else options.host
        options.port = contract.port if options.port is None else options.port
    if options.bundle is None:
        parser.error("name the bundle, a folder or .zip that `mle bundle build` made")
    options.host = "127.0.0.1" if options.host is None else options.host
    options.port = 0 if options.port is None else options.port
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mle serve", description="Serve a bundle over HTTP.")
    parser.add_argument(
        "bundle", nargs="?", help="folder or .zip of a bundle, or models:/NAME@ALIAS of the registry"
    )
    parser.add_argument(
        "--contract", choices=CONTRACTS, help="take port, paths and model as this platform's container does"
    )
    parser.add_argument("--store", help="MLflow store that models:/NAME@ALIAS is looked up in")
    parser.add_argument("--host", help="default: 127.0.0.1, with --contract every address of the container")
    parser.add_argument("--port", type=int, help="0 takes a free one; default: 0, with --contract its own")
    parser.add_argument("--workers", type=int, default=1, help="processes that share the port")
    parser.add_argument("--trusted-key", action="append", help="public key that must have signed the bundle")
    parser.add_argument("--api-keys", type=Path, help="JSON file: client's name to SHA-256 of its key")
    parser.add_argument("--policies", type=Path, help="JSON file: column to refuse, missing or clip")
    parser.add_argument("--ignore-unknown-columns", action="store_true")
    parser.add_argument("--rate", type=float, help="requests a second of one client")
    parser.add_argument("--burst", type=int, help="requests of one client at once")
    parser.add_argument("--max-rows", type=int, default=10_000)
    parser.add_argument("--max-bytes", type=int, default=10_000_000)
    parser.add_argument("--max-in-flight", type=int, default=256)
    parser.add_argument("--read-seconds", type=float, default=10.0, help="until a body must be complete")
    parser.add_argument("--predict-seconds", type=float, default=30.0, help="until an answer must be ready")
    parser.add_argument("--canary", help="bundle that answers a share of the requests")
    parser.add_argument("--canary-share", type=float, default=0.0)
    parser.add_argument("--shadow", help="bundle that computes the same requests without answering")
    parser.add_argument("--reload-seconds", type=float, default=2.0, help="look for a new bundle; 0: never")
    parser.add_argument(
        "--drain-seconds", type=float, default=5.0, help="on SIGTERM be not ready so long before the end"
    )
    parser.add_argument("--log", choices=["all", "refused", "none"], default="all", help="requests logged")
    parser.add_argument("--parent", type=int, help="end soon after the process with this id")
    return parser


def _make_app(options: argparse.Namespace) -> PredictionApp:
    if options.workers < 1:
        raise ValueError(f"--workers must be at least 1, got {options.workers}")
    sys.setswitchinterval(_SWITCH_SECONDS)
    from mlhelpers.packaging.bundle import load_bundle
    from mlhelpers.serving.app import create_app
    from mlhelpers.serving.logs import RequestLog

    def load(source: str | Path) -> Bundle:
        return load_bundle(source, trusted_keys=options.trusted_key, runtime="onnx")

    find = _finder(options)
    source = find()
    bundle = load(source)
    return create_app(
        bundle,
        max_rows=options.max_rows,
        max_bytes=options.max_bytes,
        max_in_flight=options.max_in_flight,
        read_seconds=options.read_seconds,
        predict_seconds=options.predict_seconds,
        policies=_json_file(options.policies),
        unknown_columns="ignore" if options.ignore_unknown_columns else "refuse",
        api_keys=_json_file(options.api_keys),
        rate=options.rate,
        burst=options.burst,
        canary=load(options.canary) if options.canary else None,
        canary_share=options.canary_share,
        shadow=load(options.shadow) if options.shadow else None,
        watch=_watcher(find, load, bundle) if options.reload_seconds > 0 else None,
        watch_seconds=options.reload_seconds,
        drain_seconds=options.drain_seconds,
        log=RequestLog(sys.stderr.buffer, requests=options.log),
        paths=options.paths,
    )


def _finder(options: argparse.Namespace) -> Callable[[], Path]:
    """Function that says where the bundle lies now: the path itself, or what the alias points at."""
    alias = _ALIAS.fullmatch(options.bundle)
    if alias is None:
        return lambda: Path(options.bundle)
    if not options.store:
        raise ValueError(f"{options.bundle} needs --store, the address of the MLflow store")

    def find() -> Path:
        from mlhelpers.packaging.mlflow_model import bundle_folder
        from mlhelpers.packaging.registry import alias_source

        return bundle_folder(alias_source(alias["name"], alias["alias"], store=options.store))

    return find


def _watcher(
    find: Callable[[], Path], load: Callable[[Path], Bundle], bundle: Bundle
) -> Callable[[], Bundle | None]:
    """Function that returns the bundle if it is another than the one before."""
    from mlhelpers.packaging.manifest import manifest_hash

    known = bundle.sha256

    def look() -> Bundle | None:
        nonlocal known
        source = find()
        found = manifest_hash(source)
        if found is None or found == known:  # gone or in the middle of an exchange: what serves stays
            return None
        new = load(source)
        known = new.sha256
        return new

    return look


def _json_file(path: Path | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from error
    if not isinstance(content, dict) or not all(isinstance(value, str) for value in content.values()):
        raise ValueError(f"{path.name} must hold an object of texts")
    return content


def _serve_with_workers(
    options: argparse.Namespace, arguments: list[str], listener: socket.socket, settings: dict[str, Any]
) -> int:
    """Worker processes under uvicorn's supervisor, which replaces one that dies."""
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {OPTIONS: json.dumps(arguments), "PROMETHEUS_MULTIPROC_DIR": folder}
        config = uvicorn.Config(
            "mlhelpers.serving.server:application", factory=True, workers=options.workers, **settings
        )
        supervisor = Multiprocess(config, sockets=[listener])
        if options.parent is not None:
            target = _SupervisorEnd(supervisor)
            threading.Thread(target=_watch_parent, args=(options.parent, target), daemon=True).start()
        supervisor.run()
    return 0


class _SupervisorEnd:
    """Gives a supervisor the attribute that `_watch_parent` sets on a server."""

    def __init__(self, supervisor: Any):
        self._supervisor = supervisor

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "should_exit":
            self._supervisor.should_exit.set()
        else:
            super().__setattr__(name, value)


def _watch_parent(parent: int, server: Any, *, interval: float = 0.5) -> None:
    # Polled on every system. Linux could send a signal instead, but does so when the thread that started the
    # service ends, which under a thread pool is not when the process does.
    while os.getppid() == parent:
        time.sleep(interval)
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
