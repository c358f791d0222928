"""Work that would hold up the event loop, done in a thread: limited in number and in time.

Taught in lesson 7.2 (REST APIs).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from mlhelpers.serving.answers import Refusal


class Jobs:
    """One thread beside the event loop, with a queue that has an end.

    Taught in lesson 7.2. Two threads would take the interpreter from each other and from the event loop,
    and be no faster.

    Parameters
    ----------
    limit : int
        Jobs that may wait or run.
    seconds : float
        Until a job must be done.
    """

    def __init__(self, *, limit: int, seconds: float):
        self.limit, self.seconds, self.count = limit, seconds, 0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="predict")

    @property
    def full(self) -> bool:
        """Whether no job more is taken."""
        return self.count >= self.limit

    async def run(self, work: Callable[[], Any]) -> Any:
        """Result of a job.

        Raises
        ------
        Refusal
            503 if too many wait or it takes too long. What waits is then forgotten; what runs runs on.
        """
        if self.full:
            busy = f"{self.count} large requests are waiting; try again, or another copy of the service"
            raise Refusal(503, busy, headers=((b"retry-after", b"1"),))
        try:
            async with asyncio.timeout(self.seconds):
                return await asyncio.wrap_future(self.start(work))
        except TimeoutError:
            raise Refusal(503, f"no answer within {self.seconds:g} s; send fewer rows") from None

    def start(self, work: Callable[[], Any]) -> Future:
        """Begin a job that nobody waits for."""
        loop = asyncio.get_running_loop()
        self.count += 1
        job = self._pool.submit(work)

        def done(_: Future) -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed before the job ended
                loop.call_soon_threadsafe(self._done)

        job.add_done_callback(done)
        return job

    def stop(self) -> None:
        """Take no more jobs and forget those that wait."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _done(self) -> None:
        self.count -= 1
