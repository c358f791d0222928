"""Values as data between a submission's process and the judge: JSON and arrays, never pickle, never code.

Used by `stand_in` (in the submission's process) to write and by `judge` to read. What is read is built of
Python's, NumPy's and pandas' own types only, so that a comparison in a test is theirs as well.
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import io
import json
import math
import struct
import sys
import uuid
from pathlib import PurePosixPath
from typing import Any

MAX_BYTES = 400_000_000
MAX_DEPTH = 60
_DICTS = {"dict": dict, "OrderedDict": collections.OrderedDict, "Counter": collections.Counter}
_LISTS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "deque": collections.deque}
_TEXTS = {
    "datetime": (datetime.datetime, lambda x: x.isoformat(), datetime.datetime.fromisoformat),
    "date": (datetime.date, lambda x: x.isoformat(), datetime.date.fromisoformat),
    "time": (datetime.time, lambda x: x.isoformat(), datetime.time.fromisoformat),
    "Decimal": (decimal.Decimal, str, decimal.Decimal),
    "Fraction": (fractions.Fraction, str, fractions.Fraction),
    "UUID": (uuid.UUID, str, uuid.UUID),
    "Path": (PurePosixPath, str, PurePosixPath),
}
# Classes that an answer may name; what the judge makes of them holds nothing of the submission's.
_CLASS_PACKAGES = ("builtins", "numpy", "pandas", "datetime", "decimal", "fractions", "sklearn", "mlhelpers")
# Classes that an object which stays there may say to be of; none of them is compared by a test.
_CLAIMABLE = ("sklearn", "imblearn", "mlhelpers")


def is_claimable(module: str) -> bool:
    """Whether an object may say that it is of a class of `module`."""
    return module.split(".")[0] in _CLAIMABLE


class WireError(ValueError):
    """A message is not what it should be."""


def send(stream, kind: str, node: Any = None, blobs: list[bytes] | tuple = (), **more: Any) -> None:
    """Write one message: a JSON head and raw blocks."""
    head = json.dumps({"kind": kind, "node": node, "sizes": [len(b) for b in blobs], **more}).encode()
    stream.write(struct.pack("!Q", len(head)) + head)
    for blob in blobs:
        stream.write(blob)
    stream.flush()


def receive(stream) -> tuple[dict, list[bytes]]:
    """Read one message.

    Raises
    ------
    EOFError
        If the other side is gone.
    WireError
        If it is too large or no message.
    """
    size = struct.unpack("!Q", _exactly(stream, 8))[0]
    if size > MAX_BYTES:
        raise WireError("the message is too large")
    try:
        head = json.loads(_exactly(stream, size))
        sizes = [int(size) for size in head["sizes"]]
        str(head["kind"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WireError("no message") from error
    if any(size < 0 for size in sizes) or sum(sizes) > MAX_BYTES:
        raise WireError("the message is too large")
    return head, [_exactly(stream, size) for size in sizes]


def _exactly(stream, size: int) -> bytes:
    data = stream.read(size)
    if data is None or len(data) < size:
        raise EOFError("the answer's process stopped answering")
    return data


class Writer:
    """Turns a value into a node of JSON and raw blocks.

    Parameters
    ----------
    refer : callable
        Gives the node of what is no data, such as a function.
    """

    def __init__(self, refer) -> None:
        self.refer = refer
        self.blobs: list[bytes] = []

    def blob(self, data: bytes) -> int:
        """Add a raw block; gives its number."""
        self.blobs.append(data)
        return len(self.blobs) - 1

    def node(self, value: Any, depth: int = 0) -> Any:
        """Node of `value`."""
        if depth > MAX_DEPTH:
            return self.refer(value)
        known = self.refer(value, only_known=True)
        if known is not None:
            return known
        for write in (_write_plain, _write_numpy, _write_pandas, _write_objects):
            made = write(self, value, depth)
            if made is not NotImplemented:
                return made
        return self.refer(value)


def _write_plain(to: Writer, value: Any, depth: int) -> Any:
    kind = type(value)
    if value is None or kind in (bool, str, float) or (kind is int and abs(value) < 1 << 1000):
        return value
    for base in (int, float, str):
        if isinstance(value, base) and not _is_numpy(value) and kind is not int:
            return base(base.__repr__(value)) if base is not str else str.__str__(value)
    if isinstance(value, complex) and not _is_numpy(value):
        return {"t": "complex", "v": [value.real, value.imag]}
    if isinstance(value, bytes | bytearray):
        return {"t": "bytes", "v": to.blob(bytes(value)), "array": isinstance(value, bytearray)}
    if value is Ellipsis:
        return {"t": "ellipsis"}
    if isinstance(value, range | slice):
        parts = [to.node(x, depth + 1) for x in (value.start, value.stop, value.step)]
        return {"t": type(value).__name__, "v": parts}
    if isinstance(value, datetime.timedelta) and kind is datetime.timedelta:
        return {"t": "timedelta", "v": [value.days, value.seconds, value.microseconds]}
    for name, (cls, write, _) in _TEXTS.items():
        if kind is cls or (name == "Path" and isinstance(value, PurePosixPath)):
            return {"t": name, "v": write(value)}
    if isinstance(value, dict):
        name = kind.__name__ if kind.__name__ in _DICTS else "dict"
        pairs = [[to.node(k, depth + 1), to.node(v, depth + 1)] for k, v in dict.items(value)]
        return {"t": "dict", "kind": name, "v": pairs}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        fields = [str(x) for x in value._fields]
        items = [to.node(x, depth + 1) for x in tuple(value)]
        return {"t": "namedtuple", "name": kind.__name__, "fields": fields, "v": items}
    for name, cls in _LISTS.items():
        if isinstance(value, cls):
            return {"t": name, "v": [to.node(x, depth + 1) for x in cls.__iter__(value)]}
    return NotImplemented


def _is_numpy(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, numpy.generic)


def _write_numpy(to: Writer, value: Any, depth: int) -> Any:
    np = sys.modules.get("numpy")
    if np is None:
        return NotImplemented
    if isinstance(value, np.dtype):
        return {"t": "dtype", "v": np.lib.format.dtype_to_descr(value) if value.names is None else str(value)}
    if isinstance(value, np.ma.MaskedArray):
        return NotImplemented
    if isinstance(value, np.generic):
        value = np.asarray(value)
        if value.dtype == object:
            return NotImplemented
        return {"t": "scalar", "v": _npy(to, value)}
    if isinstance(value, np.ndarray):
        value = np.asarray(value)
        if value.dtype.hasobject:
            if value.dtype.names:
                return NotImplemented
            return {"t": "objects", "shape": value.shape, "v": [to.node(x, depth + 1) for x in value.ravel()]}
        return {"t": "array", "v": _npy(to, value)}
    if isinstance(value, np.random.Generator):
        state = value.bit_generator.state
        return {"t": "rng", "name": str(state["bit_generator"]), "v": to.node(state, depth + 1)}
    return NotImplemented


def _npy(to: Writer, value: Any) -> int:
    import numpy as np

    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(value, order="C"), allow_pickle=False)
    return to.blob(stream.getvalue())


def _write_pandas(to: Writer, value: Any, depth: int) -> Any:
    pd = sys.modules.get("pandas")
    if pd is None:
        return NotImplemented
    deeper = depth + 1
    if value is pd.NaT:
        return {"t": "NaT"}
    if value is pd.NA:
        return {"t": "NA"}
    if isinstance(value, pd.Timestamp):
        zone = None if value.tz is None else str(value.tz)
        return {"t": "Timestamp", "v": value.asm8.astype("int64").item(), "unit": value.unit, "zone": zone}
    if isinstance(value, pd.Timedelta):
        return {"t": "Timedelta", "v": value.asm8.astype("int64").item(), "unit": value.unit}
    if isinstance(value, pd.Period):
        return {"t": "Period", "v": str(value), "freq": value.freqstr}
    if isinstance(value, pd.Interval):
        ends = [to.node(value.left, deeper), to.node(value.right, deeper)]
        return {"t": "Interval", "v": ends, "closed": value.closed}
    if isinstance(value, pd.MultiIndex):
        levels = [to.node(value.get_level_values(n).rename(None), deeper) for n in range(value.nlevels)]
        return {"t": "MultiIndex", "v": levels, "names": [to.node(n, deeper) for n in value.names]}
    if isinstance(value, pd.RangeIndex):
        parts = [value.start, value.stop, value.step]
        return {"t": "RangeIndex", "v": parts, "name": to.node(value.name, deeper)}
    if isinstance(value, pd.Index):
        freq = getattr(value, "freqstr", None)
        body = _column(to, value.array, deeper)
        return {"t": "Index", "v": body, "name": to.node(value.name, deeper), "freq": freq}
    if isinstance(value, pd.Series):
        index, name = to.node(value.index, deeper), to.node(value.name, deeper)
        return {"t": "Series", "v": _column(to, value.array, deeper), "index": index, "name": name}
    if isinstance(value, pd.DataFrame):
        columns = [_column(to, value.iloc[:, n].array, deeper) for n in range(value.shape[1])]
        index, names = to.node(value.index, deeper), to.node(value.columns, deeper)
        return {"t": "DataFrame", "v": columns, "index": index, "columns": names}
    if isinstance(value, pd.api.extensions.ExtensionArray):
        return {"t": "Array", "v": _column(to, value, deeper)}
    if isinstance(value, pd.api.extensions.ExtensionDtype):
        return {"t": "pandas_dtype", "v": str(value)}
    return NotImplemented


def _column(to: Writer, values: Any, depth: int) -> Any:
    """One pandas array: a plain one as NumPy's, categories by code, others as a list with their type."""
    import numpy as np
    import pandas as pd

    if isinstance(values, pd.Categorical):
        codes, ordered = _npy(to, values.codes), bool(values.ordered)
        return {"c": "category", "codes": codes, "of": to.node(values.categories, depth), "ordered": ordered}
    dtype = values.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        stamps = np.asarray(values.tz_convert("UTC").tz_localize(None), dtype=f"M8[{dtype.unit}]")
        return {"c": "zone", "v": _npy(to, stamps), "zone": str(dtype.tz)}
    if isinstance(dtype, np.dtype):
        return {"c": "numpy", "v": to.node(np.asarray(values), depth)}
    return {"c": "listed", "dtype": str(dtype), "v": [to.node(x, depth) for x in values]}


def _write_objects(to: Writer, value: Any, depth: int) -> Any:
    """Classes of known packages, their plain records, and fitted models of scikit-learn."""
    import dataclasses

    kind = type(value)
    if isinstance(value, type):
        if value.__module__.split(".")[0] in _CLASS_PACKAGES:
            return {"t": "class", "module": value.__module__, "name": value.__qualname__}
        return NotImplemented
    if kind.__module__ == "sqlite3":
        import sqlite3

        if isinstance(value, sqlite3.Connection):
            return {"t": "sqlite", "v": to.blob(value.serialize())}
    if dataclasses.is_dataclass(value) and kind.__module__.split(".")[0] == "mlhelpers":
        fields = [
            [f.name, to.node(getattr(value, f.name), depth + 1)] for f in dataclasses.fields(value) if f.init
        ]
        return {"t": "record", "module": kind.__module__, "name": kind.__qualname__, "v": fields}
    if kind.__module__.split(".")[0] in ("sklearn", "imblearn", "scipy"):
        try:
            import skops.io

            data = skops.io.dumps(value)
            if not skops.io.get_untrusted_types(data=data):
                return {"t": "skops", "v": to.blob(data)}
        except Exception:  # noqa: BLE001  (a model that holds a function is no data)
            return NotImplemented
    return NotImplemented


def loaded_class(module: str, name: str) -> type:
    """A class of a known package that this process has loaded itself.

    Raises
    ------
    WireError
        If there is none.
    """
    if module.split(".")[0] not in _CLASS_PACKAGES or module not in sys.modules:
        raise WireError("a class of an unknown package")
    found: Any = sys.modules[module]
    for part in name.split("."):
        found = vars(found).get(part)
    if not isinstance(found, type):
        raise WireError("no class")
    return found


class Reader:
    """Turns nodes and raw blocks into values.

    Parameters
    ----------
    blobs : list of bytes
    resolve : callable
        Gives the value of a reference.
    """

    def __init__(self, blobs: list[bytes], resolve) -> None:
        self.blobs, self.resolve = blobs, resolve

    def value(self, node: Any, depth: int = 0) -> Any:
        """Value of a node.

        Raises
        ------
        WireError
            If there is none.
        """
        if depth > 2 * MAX_DEPTH:
            raise WireError("nested too deeply")
        if node is None or type(node) in (bool, int, float, str):
            return node
        if type(node) is not dict or type(node.get("t")) is not str:
            raise WireError("no value")
        if node["t"] in ("theirs", "mine", "argument"):
            return self.resolve(node)
        try:
            return getattr(self, f"_read_{node['t']}", self._read_text)(node, depth + 1)
        except WireError:
            raise
        except Exception as error:
            raise WireError(f"no {node['t'][:20]}: {type(error).__name__}") from error

    def _all(self, nodes: Any, depth: int) -> list:
        return [self.value(node, depth) for node in nodes]

    def _read_text(self, node, depth):
        name = node["t"]
        if name in _LISTS:
            return _LISTS[name](self._all(node["v"], depth))
        if name in _TEXTS:
            return _TEXTS[name][2](str(node["v"]))
        raise WireError(f"unknown kind of value {name[:20]!r}")

    def _read_dict(self, node, depth):
        pairs = [(self.value(k, depth), self.value(v, depth)) for k, v in node["v"]]
        made = _DICTS[node["kind"]]()
        for key, value in pairs:
            made[key] = value
        return made

    def _read_namedtuple(self, node, depth):
        kind = collections.namedtuple(str(node["name"]), [str(x) for x in node["fields"]], rename=True)
        return kind(*self._all(node["v"], depth))

    def _read_complex(self, node, depth):
        return complex(*map(float, node["v"]))

    def _read_bytes(self, node, depth):
        data = self.blobs[node["v"]]
        return bytearray(data) if node["array"] else data

    def _read_ellipsis(self, node, depth):
        return Ellipsis

    def _read_range(self, node, depth):
        return range(*self._all(node["v"], depth))

    def _read_slice(self, node, depth):
        return slice(*self._all(node["v"], depth))

    def _read_timedelta(self, node, depth):
        return datetime.timedelta(*map(int, node["v"]))

    def _npy(self, number):
        import numpy as np

        stream = io.BytesIO(self.blobs[number])
        version = np.lib.format.read_magic(stream)
        shape, _, dtype = np.lib.format._read_array_header(stream, version)
        if dtype.hasobject or math.prod(shape) * max(dtype.itemsize, 1) > MAX_BYTES:
            raise WireError("no array of plain numbers or texts")
        return np.load(io.BytesIO(self.blobs[number]), allow_pickle=False)

    def _read_dtype(self, node, depth):
        import numpy as np

        return np.dtype(str(node["v"]))

    def _read_scalar(self, node, depth):
        return self._npy(node["v"])[()]

    def _read_array(self, node, depth):
        return self._npy(node["v"])

    def _read_objects(self, node, depth):
        import numpy as np

        items = self._all(node["v"], depth)
        made = np.empty(len(items), dtype=object)
        for number, item in enumerate(items):
            made[number] = item
        return made.reshape([int(n) for n in node["shape"]])

    def _read_rng(self, node, depth):
        import numpy as np

        kinds = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")
        if node["name"] not in kinds:
            raise WireError("unknown generator")
        bits = getattr(np.random, node["name"])(0)
        bits.state = self.value(node["v"], depth)
        return np.random.Generator(bits)

    def _read_NaT(self, node, depth):
        import pandas as pd

        return pd.NaT

    def _read_NA(self, node, depth):
        import pandas as pd

        return pd.NA

    def _read_Timestamp(self, node, depth):
        import pandas as pd

        stamp = pd.Timestamp(int(node["v"]), unit=node["unit"]).as_unit(node["unit"])
        return stamp if node["zone"] is None else stamp.tz_localize("UTC").tz_convert(node["zone"])

    def _read_Timedelta(self, node, depth):
        import pandas as pd

        return pd.Timedelta(int(node["v"]), unit=node["unit"]).as_unit(node["unit"])

    def _read_Period(self, node, depth):
        import pandas as pd

        return pd.Period(str(node["v"]), freq=str(node["freq"]))

    def _read_Interval(self, node, depth):
        import pandas as pd

        return pd.Interval(*self._all(node["v"], depth), closed=node["closed"])

    def _read_MultiIndex(self, node, depth):
        import pandas as pd

        return pd.MultiIndex.from_arrays(self._all(node["v"], depth), names=self._all(node["names"], depth))

    def _read_RangeIndex(self, node, depth):
        import pandas as pd

        return pd.RangeIndex(*map(int, node["v"]), name=self.value(node["name"], depth))

    def _read_Index(self, node, depth):
        import pandas as pd

        index = pd.Index(self._column(node["v"], depth), name=self.value(node["name"], depth))
        if node.get("freq") and isinstance(index, pd.DatetimeIndex):
            index.freq = str(node["freq"])
        return index

    def _read_Series(self, node, depth):
        import pandas as pd

        index, name = self.value(node["index"], depth), self.value(node["name"], depth)
        return pd.Series(self._column(node["v"], depth), index=index, name=name)

    def _read_DataFrame(self, node, depth):
        import pandas as pd

        index, names = self.value(node["index"], depth), self.value(node["columns"], depth)
        columns = {n: pd.Series(self._column(c, depth), index=index) for n, c in enumerate(node["v"])}
        frame = pd.DataFrame(columns, index=index)
        frame.columns = names
        return frame

    def _read_Array(self, node, depth):
        return self._column(node["v"], depth)

    def _read_pandas_dtype(self, node, depth):
        import pandas as pd

        return pd.api.types.pandas_dtype(str(node["v"]))

    def _column(self, node, depth):
        import pandas as pd

        kind = node["c"]
        if kind == "category":
            categories = self.value(node["of"], depth)
            return pd.Categorical.from_codes(
                self._npy(node["codes"]), categories, ordered=bool(node["ordered"])
            )
        if kind == "zone":
            return (
                pd.DatetimeIndex(self._npy(node["v"])).tz_localize("UTC").tz_convert(str(node["zone"])).array
            )
        if kind == "numpy":
            return self.value(node["v"], depth)
        return pd.array(self._all(node["v"], depth), dtype=str(node["dtype"]))

    def _read_class(self, node, depth):
        return loaded_class(str(node["module"]), str(node["name"]))

    def _read_record(self, node, depth):
        import dataclasses

        cls = loaded_class(str(node["module"]), str(node["name"]))
        course = cls.__module__.startswith("mlhelpers.course")
        if not dataclasses.is_dataclass(cls) or not cls.__module__.startswith("mlhelpers.") or course:
            raise WireError("no record")
        return cls(**{str(name): self.value(value, depth) for name, value in node["v"]})

    def _read_sqlite(self, node, depth):
        import sqlite3

        made = sqlite3.connect(":memory:")
        made.deserialize(self.blobs[node["v"]])
        return made

    def _read_skops(self, node, depth):
        import skops.io

        return skops.io.loads(self.blobs[node["v"]], trusted=[])
