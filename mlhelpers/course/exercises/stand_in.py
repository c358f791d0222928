"""The side of a submission: lets the judge call what an answer defines, and brings back data.

Runs in the submission's own kernel, so nothing here is trusted; `judge` is the other side.
"""

from __future__ import annotations

import io
import pickle
import socket
from typing import Any

from mlhelpers.course.exercises.judge import replace
from mlhelpers.course.exercises.wire import Reader, Writer, is_claimable, receive, send

_SCALARS = (int, float, complex, str, bytes, type(None), tuple, frozenset, type)
_handles: dict[int, Any] = {}
_numbers: dict[int, int] = {}


def serve(path: str, namespace: dict[str, Any]) -> None:
    """Answer the judge at the socket `path` until it has what it wants.

    Parameters
    ----------
    path : str
    namespace : dict
        Where the answers are.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        with connection.makefile("rwb") as stream:
            _Agent(stream, namespace).loop("done")


class _Agent:
    def __init__(self, stream, namespace) -> None:
        self.stream, self.namespace = stream, namespace

    def loop(self, until: str) -> Any:
        """Serve requests until a message of the kind `until` comes; gives what it holds."""
        while True:
            head, blobs = receive(self.stream)
            if head["kind"] == until:
                return self.load(blobs[0]) if blobs else None
            if head["kind"] == "raise":
                raise self.load(blobs[0])
            arguments: list[Any] = []
            before: list[bytes | None] = []
            try:
                what, number, arguments, options = self.load(blobs[0])
                before = [_state(value) for value in _all(arguments, options)]
                result = self.do(what, number, arguments, options)
            except BaseException as error:  # noqa: BLE001  (whatever an answer raises is for the judge)
                self.reply_error(error, arguments, before)
            else:
                self.reply(result, _all(arguments, options), before)

    def do(self, what: str, number: Any, arguments: list, options: dict) -> Any:
        """One request."""
        if what == "name":
            if number not in self.namespace:
                raise NameError(f"name {number!r} is not defined")
            return self.namespace[number]
        target = _handles[number]
        if what == "call":
            return target(*arguments, **options)
        if what == "getattr":
            return getattr(target, arguments[0])
        if what == "getitem":
            return target[arguments[0]]
        if what == "exit":
            return target.__exit__(None, None, None)
        simple = {"len": len, "iter": iter, "next": next, "str": str, "repr": repr}
        return simple[what](target) if what in simple else target.__enter__()

    def load(self, data: bytes) -> Any:
        """Value that the judge sent."""
        return _Unpickler(io.BytesIO(data), self).load()

    def writer(self, known: list[Any] | tuple = ()) -> Writer:
        """Writer that refers to handles, to objects of the judge and to arguments by number."""
        places = {id(value): n for n, value in enumerate(known) if not isinstance(value, _SCALARS)}

        def refer(value, only_known=False):
            if type(value) is FromJudge:
                return {"t": "mine", "id": object.__getattribute__(value, "_number")}
            if id(value) in places:
                return {"t": "argument", "n": places[id(value)]}
            if only_known:
                return None
            kind = type(value)
            known = [
                [cls.__module__, cls.__qualname__] for cls in kind.__mro__ if is_claimable(cls.__module__)
            ]
            return {"t": "theirs", "id": _handle(value), "type": kind.__name__, "classes": known}

        return Writer(refer)

    def reply(self, result: Any, arguments: list, before: list) -> None:
        """Send a result, and the arguments that were changed in place."""
        writer = self.writer(arguments)
        node = writer.node(result)
        send(self.stream, "value", node, writer.blobs, changed=self.changed(writer, arguments, before))

    def changed(self, writer: Writer, arguments: list, before: list) -> list:
        """Nodes of the arguments that are not what they were."""
        plain = self.writer()
        plain.blobs = writer.blobs
        return [
            [number, plain.node(value)]
            for number, (value, state) in enumerate(zip(arguments, before, strict=True))
            if state is not None and state != _state(value)
        ]

    def reply_error(self, error: BaseException, arguments: list, before: list) -> None:
        """Send an exception as its classes and its arguments."""
        writer = self.writer()
        nodes = [writer.node(value) for value in error.args]
        classes = [[cls.__module__, cls.__qualname__] for cls in type(error).__mro__]
        try:
            text = str(error)
        except Exception:  # noqa: BLE001
            text = ""
        send(self.stream, "error", nodes, writer.blobs, classes=classes, text=text[:2000])

    def ask(self, what: str, number: int, name: str, arguments: tuple, options: dict) -> Any:
        """Use an object of the judge: call it, or read what is public of it."""
        writer = self.writer()
        node = writer.node([list(arguments), dict(options)])
        send(self.stream, "ask", node, writer.blobs, what=what, id=number, name=name)
        result, changed, same = self.loop("answer")
        values = _all(list(arguments), options)
        for place, new in changed:
            replace(values[place], new)
        return result if same is None else values[same]


def _all(arguments: list, options: dict) -> list[Any]:
    return [*arguments, *options.values()]


def _state(value: Any) -> bytes | None:
    """Content of a value that can be changed in place, None for others."""
    if isinstance(value, _SCALARS) or type(value) is FromJudge:
        return None
    try:
        if type(value).__module__ == "sqlite3":
            return value.serialize()
        return pickle.dumps(value)
    except Exception:  # noqa: BLE001  (an object of the submission's own)
        return None


def _handle(value: Any) -> int:
    if id(value) not in _numbers:
        _numbers[id(value)] = len(_handles)
        _handles[len(_handles)] = value
    return _numbers[id(value)]


def _generator(made: FromJudge):
    """A real generator, as libraries look for one."""
    while True:
        try:
            value = next(made)
        except StopIteration:
            return
        yield value


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream, agent: _Agent) -> None:
        super().__init__(stream)
        self.agent = agent

    def persistent_load(self, pid: tuple) -> Any:
        kind, number = pid[0], pid[1]
        if kind == "theirs":
            return _handles[number]
        if kind == "data":
            return Reader(pid[2], lambda node: None).value(number)
        made = FromJudge(self.agent, number, self.agent.namespace.get(pid[2]))
        return _generator(made) if pid[2] == "generator" else made


class FromJudge:
    """Stands for a function or an object of the tests, which stays with the judge."""

    __slots__ = ("_agent", "_kind", "_number")

    def __init__(self, agent: _Agent, number: int, kind: Any) -> None:
        self._agent, self._number, self._kind = agent, number, kind

    @property
    def __class__(self):
        return self._kind if isinstance(self._kind, type) else FromJudge

    def _ask(self, what, name="", arguments=(), options=None):
        return self._agent.ask(what, self._number, name, arguments, options or {})

    def __call__(self, *arguments, **options):
        """Call it there."""
        return self._ask("call", "", arguments, options)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self._ask("getattr", name)

    def __getitem__(self, key):
        return self._ask("getitem", "", (key,))

    def __len__(self):
        return self._ask("len")

    def __iter__(self):
        return self._ask("iter")

    def __next__(self):
        return self._ask("next")

    def __enter__(self):
        return self._ask("enter")

    def __exit__(self, *error):
        return self._ask("exit")
