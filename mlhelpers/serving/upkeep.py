"""What the service does beside answering: look for a new model, write the log, end without losing a request.

Taught in lessons 7.2 (REST APIs) and 8.5 (rollback and canary).
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlhelpers.packaging.bundle import Bundle
    from mlhelpers.serving.app import PredictionApp
    from mlhelpers.serving.logs import RequestLog
    from mlhelpers.serving.slots import Slots


@asynccontextmanager
async def lifespan(app: PredictionApp):
    """Run the upkeep for as long as the application does."""
    tasks = [asyncio.create_task(app.log.keep_flushing())]
    if app.watch is not None:
        tasks.append(asyncio.create_task(keep_watching(app.watch, app.watch_seconds, app.slots, app.log)))
    if app.drain_seconds > 0:
        drain_first(app)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        app.jobs.stop()
        app.log.flush()


async def keep_watching(
    watch: Callable[[], Bundle | None], seconds: float, slots: Slots, log: RequestLog
) -> None:
    """Exchange the champion when its source has another one; a source that fails changes nothing."""
    while True:
        await asyncio.sleep(seconds)
        try:
            found = await asyncio.to_thread(watch)
            if found is not None:
                slots.swap("champion", found)
                log.event(f"champion is now {found.name} {found.version} {found.sha256[:12]}")
        except Exception as error:  # noqa: BLE001  (the model that serves stays)
            log.error("watch", "the model that serves stays", error)


def drain_first(app: PredictionApp) -> None:
    """On SIGTERM be not ready for a while, then do what the server would have done at once."""
    ends = signal.getsignal(signal.SIGTERM)
    loop = asyncio.get_running_loop()

    def drain(number: int, frame: Any) -> None:
        if app.draining or not callable(ends):
            signal.signal(signal.SIGTERM, ends)
            signal.raise_signal(number)
            return
        app.draining = True
        loop.call_soon_threadsafe(loop.call_later, app.drain_seconds, ends, number, frame)

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, drain)
