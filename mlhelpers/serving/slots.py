"""Which model answers: champion, canary and shadow, exchanged while requests are being answered.

Taught in lessons 7.2 (REST APIs) and 8.5 (rollback and canary).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from mlhelpers.packaging.bundle import Bundle
from mlhelpers.packaging.rows import RowReader

ROLES = ("champion", "canary", "shadow")


@dataclass(frozen=True)
class Slot:
    """A bundle made ready to answer."""

    role: str
    bundle: Bundle
    reader: RowReader
    head: bytes  # start of every answer
    classes: tuple[str, ...] | None = None  # asked for once: it is looked up for every answer

    @property
    def version(self) -> str:
        """Version of the bundle."""
        return self.bundle.version

    @property
    def fast(self) -> bool:
        """Whether a few rows take microseconds: the event loop may compute them itself."""
        return self.bundle.session is not None


class Slots:
    """The models of one service.

    Taught in lesson 8.5. A request takes its slot once and keeps it, so that exchanging a model neither drops
    nor mixes an answer.

    Parameters
    ----------
    champion : Bundle
        Answers.
    canary : Bundle, optional
        Answers a share of the requests.
    canary_share : float, default=0.0
        That share; by a hash of the request id, so that a repeated request goes the same way.
    shadow : Bundle, optional
        Computes the same requests without answering them.
    policies, unknown_columns
        As in `RowReader`.
    on_change : callable, optional
        Called with the role and the bundle, or None, whenever a slot changes.

    Raises
    ------
    ValueError
        If the share is not from 0 to 1, or above 0 without a canary.
    """

    def __init__(
        self,
        champion: Bundle,
        *,
        canary: Bundle | None = None,
        canary_share: float = 0.0,
        shadow: Bundle | None = None,
        policies: Mapping[str, str] | None = None,
        unknown_columns: str = "refuse",
        on_change: Callable[[str, Bundle | None], None] | None = None,
    ):
        self._reading = {"policies": policies, "unknown_columns": unknown_columns}
        self._on_change = on_change or (lambda role, bundle: None)
        self._lock = threading.Lock()
        self._slots: dict[str, Slot | None] = dict.fromkeys(ROLES)
        for role, bundle in zip(ROLES, (champion, canary, shadow), strict=True):
            if bundle is not None:
                self.swap(role, bundle)
        self.share = 0.0
        self.set_share(canary_share)

    def __getitem__(self, role: str) -> Slot | None:
        return self._slots[role]

    def swap(self, role: str, bundle: Bundle | None) -> None:
        """Put another model into a role; None empties it.

        Raises
        ------
        ValueError
            If the role is not known, the champion is to be empty, a policy does not fit the new signature, or
            the bundle answers otherwise than the one beside it: one probability, or other classes.
        """
        if role not in ROLES:
            raise ValueError(f"role must be one of {', '.join(ROLES)}, got {role!r}")
        if bundle is None and role == "champion":
            raise ValueError("a service needs a champion; swap in another bundle instead")
        slot = None if bundle is None else _slot(role, bundle, self._reading)  # made before the lock is taken
        with self._lock:
            for other in self._slots.values():
                if slot is not None and other is not None and other.role != role:
                    _require_same_answer(slot, other)
            self._slots[role] = slot
        self._on_change(role, bundle)

    def set_share(self, share: float) -> None:
        """Give the canary another share of the requests."""
        if not 0 <= share <= 1:
            raise ValueError(f"canary_share must be from 0 to 1, got {share}")
        if share > 0 and self._slots["canary"] is None:
            raise ValueError("canary_share is above 0 and there is no canary")
        self.share = share

    def choose(self, request_id: str) -> Slot:
        """Slot that answers a request."""
        canary = self._slots["canary"]
        if canary is not None and self.share > 0 and _draw(request_id) < self.share:
            return canary
        return self._slots["champion"]

    def described(self) -> list[dict[str, Any]]:
        """What ``/v1/models`` says."""
        shares = {"champion": 1.0 - self.share, "canary": self.share, "shadow": 0.0}
        return [
            {
                "role": role,
                "share": shares[role],
                "name": slot.bundle.name,
                "version": slot.bundle.version,
                "bundle": slot.bundle.sha256,
                "data_hash": slot.bundle.data_hash,
                "columns": slot.bundle.signature,
                "output": slot.bundle.output,
                "metrics": slot.bundle.metrics,
            }
            for role, slot in self._slots.items()
            if slot is not None
        ]


def identity(bundle: Bundle) -> dict[str, str]:
    """What an answer says of the model that gave it."""
    return {"name": bundle.name, "version": bundle.version, "bundle": bundle.sha256}


def _slot(role: str, bundle: Bundle, reading: Mapping[str, Any]) -> Slot:
    reader = RowReader(bundle.signature, **reading)
    bundle.session  # noqa: B018  (made now, not with the first request)
    if bundle.session is None:
        bundle.model  # noqa: B018
    head = b'{"model":' + orjson.dumps(identity(bundle)) + b',"probabilities":'
    return Slot(role, bundle, reader, head, bundle.classes)


def _require_same_answer(slot: Slot, other: Slot) -> None:
    if slot.classes == other.classes:
        return
    answers = [", ".join(one.classes) if one.classes else "one probability" for one in (slot, other)]
    raise ValueError(
        f"the {slot.role} answers with {answers[0]}, the {other.role} with {answers[1]}; "
        "one service gives one kind of answer"
    )


def _draw(request_id: str) -> float:
    return int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:7], "big") / 2**56
