"""The judge: runs the tests of an exercise in a process of its own, on stand-ins for the answers.

A stand-in calls the answer in the submission's process and gets back data (`wire`), so that nothing which a
submission does to its own process reaches an assertion. Started by `runner`, which it serves over two pipes.
"""

from __future__ import annotations

import ast
import contextlib
import io
import itertools
import json
import os
import pickle
import signal
import socket
import sys
import traceback
import types
import warnings
from typing import Any

from mlhelpers.course.exercises.wire import (
    Reader,
    WireError,
    Writer,
    is_claimable,
    loaded_class,
    receive,
    send,
)

_BY_REFERENCE = (types.GeneratorType, types.MethodType)
_NEVER = (types.FrameType, types.CodeType, types.TracebackType, types.ModuleType)
_WORKING = ("function", "method", "generator", "type", "module", "map", "filter", "zip")
_PLAIN = ("__name__", "__doc__", "__qualname__")


def main(control: socket.socket, cells: list[dict]) -> None:
    """Run the cells before the first answer once, then make a copy of this process for each submission.

    Parameters
    ----------
    control : socket.socket
        From the runner: messages of 16 bytes, with two sockets for each submission.
    cells : list of dict
        Each with ``number``, ``kind`` (setup, answer or test) and ``source``.
    """
    judge = Judge(cells)
    judge.run_ahead()
    if sys.platform == "linux":  # a process of the same user cannot look into this one
        import ctypes

        ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        message, given, _, _ = socket.recv_fds(control, 16, 2)
        while message and len(message) < 16:
            message += control.recv(16 - len(message))
        if not message:
            return
        if message[:1] == b"k":
            with contextlib.suppress(OSError):
                os.kill(int(message[1:]), signal.SIGKILL)
            continue
        listener, link = (socket.socket(fileno=number) for number in given)
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                control.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                judge.serve(listener, link.makefile("r"), link.makefile("w"))
                status = 0
            finally:
                os._exit(status)
        listener.close()
        link.close()


class Judge:
    """Cells of an exercise, run in order.

    Parameters
    ----------
    cells : list of dict
        Each with ``number``, ``kind`` (setup, answer or test) and ``source``.
    """

    def __init__(self, cells: list[dict]) -> None:
        self.cells = cells
        self.begin()
        self.link = Link(self.reference)

    def begin(self) -> None:
        """An empty namespace."""
        module = types.ModuleType("__main__")
        sys.modules["__main__"] = module
        self.namespace = module.__dict__
        self.done = 0

    def take(self, own: dict[str, str]) -> None:
        """Begin anew with the texts of some cells, by number, that a student has with numbers of his own."""
        self.cells = [{**cell, "source": own.get(str(cell["number"]), cell["source"])} for cell in self.cells]
        self.begin()
        self.run_ahead()

    def run_ahead(self) -> None:
        """Run the cells before the first answer, while the submission's kernel is still starting."""
        while self.done < len(self.cells) and self.cells[self.done]["kind"] == "setup":
            self.execute(self.cells[self.done])
            self.done += 1

    def serve(self, listener: socket.socket, commands, results) -> None:
        """Run test cells for one submission, which connects to `listener`: a line of JSON in, one out."""
        results.write(json.dumps({"pid": os.getpid()}) + "\n")
        results.flush()
        for line in commands:
            asked = json.loads(line)
            if asked["own"]:
                self.take(asked["own"])
            listener.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:  # who called too late
                    listener.accept()[0].close()
            results.write("{}\n")
            results.flush()
            error = self.test(listener, asked["cell"])
            results.write(json.dumps({"error": error, "objects": self.link.objects}) + "\n")
            results.flush()

    def test(self, listener: socket.socket, number: int) -> dict | None:
        """Run test cell `number` and what stands before it; gives its error, None without one."""
        listener.settimeout(60)
        connection, _ = listener.accept()
        connection.settimeout(None)
        with connection, connection.makefile("rwb") as stream:
            self.link.stream, self.link.unexpected, self.link.objects = stream, False, []
            try:
                while self.cells[self.done]["number"] != number:
                    self.step(self.cells[self.done])
                    self.done += 1
                self.bind(number)
                error = self.judged(self.cells[self.done])
                self.done += 1
                return error
            finally:
                with contextlib.suppress(OSError):
                    send(stream, "done")

    def step(self, cell: dict) -> None:
        """One cell before a test: an answer's names become stand-ins, others are run."""
        if cell["kind"] == "answer":
            for node in ast.parse(cell["source"]).body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    self.execute({**cell, "source": ast.unparse(node)})
        elif cell["kind"] == "setup":
            self.bind(cell["number"])
            self.execute(cell)

    def bind(self, number: int) -> None:
        """Fetch what the answers before a cell define."""
        for cell in self.cells:
            if cell["number"] >= number:
                return
            for name in names_of(cell["source"]) if cell["kind"] == "answer" else ():
                try:
                    self.namespace[name] = self.link.request("name", name)
                except NameError:
                    self.namespace.pop(name, None)
                except Exception as error:  # noqa: BLE001
                    self.namespace[name] = Broken(error)
                else:
                    if type(self.namespace[name]) is Remote:
                        self.namespace[name]._name = name

    def judged(self, cell: dict) -> dict | None:
        """Error of a test cell: without what the answer did to its arguments and, if it did, with it too."""
        snapshot = _Snapshot(lambda: self.with_changes(cell))
        error = self.execute(cell)
        if not self.link.unexpected:
            snapshot.forget()
            return error
        return snapshot.go_on() or error

    def with_changes(self, cell: dict) -> dict | None:
        """Error of a test cell whose inputs are what the answer made of them."""
        self.link.keep_changes = True
        return self.execute(cell)

    def execute(self, cell: dict) -> dict | None:
        """Run a cell; gives its error as Jupyter stores one."""
        file = f"cell {cell['number']}"
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(cell["source"], file, "exec"), self.namespace)
        except (Exception, SystemExit) as error:  # noqa: BLE001  (tests and answers may raise anything)
            lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == file]
            where = [f"Cell In[{cell['number']}], line {line}" for line in lines[:1]]
            try:
                text = str(error)
            except Exception:  # noqa: BLE001
                text = ""
            return {"ename": type(error).__name__, "evalue": text[:4000], "traceback": where}
        return None

    def reference(self, name: str, arguments: list, options: dict) -> list[bool]:
        """Which arguments the solution changes when it is called with the same ones."""
        source = next(
            c["source"] for c in self.cells if c["kind"] == "answer" and name in names_of(c["source"])
        )

        def look() -> list[bool]:
            namespace = dict(self.namespace)
            exec(compile(source, "solution", "exec"), namespace)
            values = [*arguments, *options.values()]
            before = [_pickled(value) for value in values]
            with contextlib.suppress(Exception):
                namespace[name](*arguments, **options)
            return [old != _pickled(value) for old, value in zip(before, values, strict=True)]

        return _Snapshot(look).go_on() or []


class _Snapshot:
    """A copy of this process that can be asked later to do something and tell the result."""

    def __init__(self, work) -> None:
        self.pid = None
        if not hasattr(os, "fork"):
            return
        go_out, go_in = os.pipe()
        told_out, told_in = os.pipe()
        pid = os.fork()
        if pid == 0:
            status = 0
            try:
                os.close(go_in)
                if os.read(go_out, 1) == b"g":
                    with os.fdopen(told_in, "w") as file:
                        file.write(json.dumps(work()))
            except BaseException:  # noqa: BLE001  (a copy must never go on)
                status = 1
            finally:
                os._exit(status)
        self.pid, self.go, self.told = pid, go_in, told_out
        os.close(go_out)
        os.close(told_in)

    def go_on(self):
        """Let it work; gives the result."""
        if self.pid is None:
            return None
        os.write(self.go, b"g")
        with os.fdopen(self.told) as file:
            text = file.read()
        os.close(self.go)
        os.waitpid(self.pid, 0)
        if not text:
            return {"ename": "RuntimeError", "evalue": "the tests ended early", "traceback": []}
        return json.loads(text)

    def forget(self) -> None:
        """End it."""
        if self.pid is not None:
            os.close(self.go)
            os.close(self.told)
            os.waitpid(self.pid, 0)


class Link:
    """Connection to a submission's process.

    Parameters
    ----------
    reference : callable
        Says which arguments the solution changes.
    """

    def __init__(self, reference) -> None:
        self.stream: Any = None
        self.reference = reference
        self.mine: dict[int, Any] = {}
        self.numbers = itertools.count()
        self.unexpected = False
        self.objects: list[str] = []
        self.keep_changes = False

    def request(self, what: str, target: Any, arguments=(), options=None, name: str | None = None) -> Any:
        """Let the submission's process do something; gives its result as data, or raises its exception."""
        arguments, options = list(arguments), dict(options or {})
        send(self.stream, "request", blobs=[self.dump((what, target, arguments, options))])
        head, blobs = self.answered()
        values = [*arguments, *options.values()]
        if head["kind"] == "error":
            raise self.exception(head, blobs, ends=what == "next")
        changed = self.changes(head, blobs, values)
        if changed:
            expected = self.reference(name, arguments, options) if name else []
            for number, new in changed.items():
                allowed = number < len(expected) and expected[number]
                self.unexpected |= not allowed
                if (allowed or self.keep_changes) and replace(values[number], new):
                    changed[number] = values[number]

        def resolve(node):
            if node["t"] == "argument":
                number = int(node["n"])
                return changed.get(number, values[number])
            return self.resolve(node)

        result = Reader(blobs, resolve).value(head["node"])
        strange = type(result) is Remote and result._kind is Remote and result._type not in _WORKING
        if what == "call" and strange:
            self.objects.append(result._type)
        return result

    def answered(self) -> tuple[dict, list[bytes]]:
        """Next reply; what the submission asks in between is done."""
        while True:
            head, blobs = receive(self.stream)
            if head["kind"] in ("value", "error"):
                return head, blobs
            if head["kind"] != "ask":
                raise WireError("no reply")
            try:
                result = self.ask(head, blobs)
            except Exception as error:  # noqa: BLE001  (the answer may catch it)
                send(self.stream, "raise", blobs=[self.dump_error(error)])
            else:
                send(self.stream, "answer", blobs=[self.dump(result)])

    def changes(self, head: dict, blobs: list[bytes], values: list) -> dict[int, Any]:
        """Arguments that the answer changed in place, with what they became."""
        found = {}
        for number, node in head.get("changed") or []:
            new = Reader(blobs, self.resolve).value(node)
            if not same(values[int(number)], new):
                found[int(number)] = new
        return found

    def resolve(self, node: dict) -> Any:
        """Value of a reference."""
        if node["t"] == "mine":
            return self.mine[int(node["id"])]
        made = Remote(self, int(node["id"]), str(node.get("type", ""))[:80])
        for module, name in node.get("classes") or []:
            if is_claimable(str(module)):
                with contextlib.suppress(WireError, TypeError):
                    made._kind = loaded_class(str(module), str(name))
                    break
        return made

    def ask(self, head: dict, blobs: list[bytes]) -> tuple[Any, list, int | None]:
        """Use one of the tests' objects for the answer: call it, or read what is public of it.

        Returns
        -------
        result : object
        changed : list of (int, object)
            Arguments that the call changed in place.
        same : int or None
            Number of the argument that the result is.
        """
        target, what, name = self.mine[int(head["id"])], head["what"], str(head["name"])
        arguments, options = Reader(blobs, self.resolve).value(head["node"])
        if what == "call":
            values = [*arguments, *options.values()]
            before = [_pickled(value) for value in values]
            result = target(*arguments, **options)
            pairs = zip(values, before, strict=True)
            changed = [(n, value) for n, (value, old) in enumerate(pairs) if _pickled(value) != old]
            known = [n for n, value in enumerate(values) if value is result and result is not None]
            return (None, changed, known[0]) if known else (result, changed, None)
        if what == "getattr":
            result = public(target, name)
        elif what == "getitem":
            result = target[arguments[0]]
        elif what == "exit":
            result = target.__exit__(None, None, None)
        else:
            simple = {"len": len, "iter": iter, "next": next, "enter": lambda x: x.__enter__()}
            result = simple[what](target)
        return result, [], None

    def dump(self, value: Any) -> bytes:
        """Pickle for the submission's process; functions and objects of the tests stay here."""
        stream = io.BytesIO()
        try:
            _Pickler(stream, self).dump(value)
        except (pickle.PicklingError, TypeError, AttributeError):
            stream = io.BytesIO()
            _Pickler(stream, self, everything=True).dump(value)
        return stream.getvalue()

    def dump_error(self, error: Exception) -> bytes:
        """Pickle of an exception of the tests' own objects, as a plain one if need be."""
        try:
            data = pickle.dumps(error)
            pickle.loads(data)
        except Exception:  # noqa: BLE001
            return pickle.dumps(RuntimeError(f"{type(error).__name__}: {error}"))
        return data

    def exception(self, head: dict, blobs: list[bytes], *, ends: bool) -> Exception:
        """The exception of an answer, of the nearest class that the judge knows itself."""
        classes = [(str(module), str(name)) for module, name in head["classes"]]
        values = [Reader(blobs, self.resolve).value(node) for node in head["node"]]
        for module, name in classes:
            cls = getattr(sys.modules.get(module), name, None) if "." not in name else None
            if module == "builtins" and name in ("StopIteration", "StopAsyncIteration") and not ends:
                break  # it would silently end a loop of the test
            if isinstance(cls, type) and issubclass(cls, Exception) and cls is not Exception:
                made = cls.__new__(cls)
                made.args = tuple(values)
                return made
        kind, text = (classes or [("", "Exception")])[0][1], str(head.get("text", ""))
        return Exception(text) if kind == "Exception" else RuntimeError(f"{kind}: {text}".rstrip(": "))


class _Pickler(pickle.Pickler):
    def __init__(self, stream, link: Link, everything: bool = False) -> None:
        super().__init__(stream)
        self.link, self.everything = link, everything

    def persistent_id(self, value: Any) -> Any:
        kind = type(value)
        if kind is Remote:
            return ("theirs", value._number)
        if kind.__module__ == "sqlite3":
            writer = Writer(lambda value, only_known=False: None)
            return ("data", writer.node(value), writer.blobs)
        local = isinstance(value, types.FunctionType | type) and (
            value.__module__ == "__main__" or "<" in value.__qualname__
        )
        own = kind.__module__ == "__main__" or isinstance(value, _BY_REFERENCE) or local
        if self.everything and not own:
            own = isinstance(value, types.BuiltinFunctionType) or not _pickles(value)
        if isinstance(value, _NEVER):
            raise TypeError(f"{kind.__name__} cannot be given to an answer")
        if not own:
            return None
        number = next(self.link.numbers)
        self.link.mine[number] = value
        return ("mine", number, kind.__name__)


def public(target: Any, name: str) -> Any:
    """Attribute of an object of the tests' own class, if it is data or a method; nothing else may be read."""
    kind = target if isinstance(target, type) else type(target)
    found = getattr(target, name) if kind.__module__ == "__main__" and not name.startswith("_") else None
    if isinstance(found, types.MethodType | types.FunctionType) or type(found).__module__ == "__main__":
        return found
    if found is None or not _pickled(found):
        raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}")
    return found


def _pickles(value: Any) -> bool:
    if isinstance(value, list | tuple | dict):
        return True
    return bool(_pickled(value))


def _pickled(value: Any) -> bytes:
    try:
        if type(value).__module__ == "sqlite3":
            return value.serialize()
        return pickle.dumps(value)
    except Exception:  # noqa: BLE001
        return b""


class Remote:
    """Stands for a function or an object of the submission's process; equal to nothing but itself."""

    __slots__ = ("_kind", "_link", "_name", "_number", "_type")

    def __init__(self, link: Link, number: int, kind: str) -> None:
        self._link, self._number, self._type, self._name, self._kind = link, number, kind, None, Remote

    @property
    def __class__(self):
        """Class that it says to be of."""
        return self._kind

    def __call__(self, *arguments, **options):
        """Call it there."""
        return self._link.request("call", self._number, arguments, options, self._name)

    def __getattr__(self, name):
        if name.startswith("__") and name not in _PLAIN:
            raise AttributeError(f"{self._type!r} object has no attribute {name!r}")
        return self._link.request("getattr", self._number, [name])

    def __getitem__(self, key):
        return self._link.request("getitem", self._number, [key])

    def __bool__(self):
        return True

    def __len__(self):
        return self._link.request("len", self._number)

    def __iter__(self):
        made = self._link.request("iter", self._number)
        return made if type(made) is Remote else iter(made)

    def __next__(self):
        return self._link.request("next", self._number)

    def __enter__(self):
        return self._link.request("enter", self._number)

    def __exit__(self, *error):
        return self._link.request("exit", self._number)

    def __repr__(self):
        return f"<{self._type}>"


class Broken:
    """An answer that cannot be brought here; whatever is done with it says why."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __call__(self, *arguments, **options):
        """Raise what went wrong."""
        raise self.error


def names_of(source: str) -> list[str]:
    """Names that the top level of a cell defines, without those that it imports."""
    found: list[str] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.append(node.name)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            found += [
                n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
            ]
    return list(dict.fromkeys(found))


def same(old: Any, new: Any) -> bool:
    """Whether two values are of one type and content."""
    if type(old) is not type(new):
        return False
    if hasattr(old, "equals"):
        try:
            alike = old.equals(new)
            for name in ("index", "columns"):
                alike = alike and getattr(old, name, old) is not None
                if hasattr(old, name) and hasattr(old, "iloc"):
                    alike = alike and getattr(old, name).equals(getattr(new, name))
            return bool(alike)
        except Exception:  # noqa: BLE001
            return False
    return _pickled(old) == _pickled(new)


def replace(old: Any, new: Any) -> bool:
    """Give the object `old` the content of `new`; False if that cannot be done."""
    import numpy as np
    import pandas as pd

    if type(old) is not type(new):
        return False
    if isinstance(old, list | bytearray):
        old[:] = new
    elif isinstance(old, dict | set):
        old.clear()
        old.update(new)
    elif isinstance(old, np.ndarray) and old.shape == new.shape and old.dtype == new.dtype:
        old[...] = new
    elif isinstance(old, np.random.Generator):
        old.bit_generator.state = new.bit_generator.state
    elif isinstance(old, pd.DataFrame | pd.Series):
        old._update_inplace(new)
    elif type(old).__module__ == "sqlite3":
        old.deserialize(new.serialize())
    elif hasattr(old, "get_params"):
        old.__dict__ = new.__dict__
    else:
        return False
    return True


if __name__ == "__main__":
    from mlhelpers.course.exercises import judge as _home

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    _home.main(socket.socket(fileno=int(sys.argv[1])), json.load(sys.stdin))
