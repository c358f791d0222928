"""Submissions graded one after another, or by several processes: a part of nbgrader changes the folder.

Used by `classroom`; results come in the order in which they are ready, each with the number of its job.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from multiprocessing.util import Finalize

from mlhelpers.course.exercises.exercise import Exercise
from mlhelpers.course.exercises.grading import Grading, Prepared
from mlhelpers.course.exercises.per_student import Solver, seed_of
from mlhelpers.course.exercises.runner import Judges
from mlhelpers.course.exercises.sandbox import Limits
from mlhelpers.course.exercises.submission import grade, nothing


@dataclass(frozen=True)
class Job:
    """A submission to grade, whether its page of feedback is wanted, and the seed of the student."""

    exercise: Exercise
    data: bytes
    page: bool
    seed: int | None = None


class Graders:
    """One process, or several, that grade; use it in a ``with`` block.

    Parameters
    ----------
    exercises : list of Exercise
        Read here, once, before anything runs.
    limits : Limits
    workers : int
        With 1 this process grades.
    """

    def __init__(self, exercises: list[Exercise], limits: Limits, workers: int) -> None:
        self.prepared = {exercise.name: Prepared.of(exercise) for exercise in exercises}
        self.limits, self.workers = limits, workers
        self.pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> Graders:
        if self.workers > 1 and self.prepared:
            self.pool = ProcessPoolExecutor(
                self.workers, get_context("spawn"), _begin, (self.prepared, self.limits)
            )
        return self

    def __exit__(self, kind, *error) -> None:
        if self.pool is None:
            return
        if kind is not None:  # do not wait for submissions that may run for a quarter of an hour
            for process in list((self.pool._processes or {}).values()):
                process.terminate()
        self.pool.shutdown(cancel_futures=True)

    def grade(self, jobs: list[Job]) -> Iterator[tuple[int, Grading, str | None]]:
        """Grade `jobs`, those of an exercise one after the other.

        Yields
        ------
        number : int
            Of the job in the list.
        grading : Grading
        page : str or None

        Raises
        ------
        RuntimeError
            If one of the processes has ended.
        """
        if self.pool is None:
            with _Worker(self.prepared, self.limits) as worker:
                for number, job in enumerate(jobs):
                    yield number, *worker.grade(job)
            return
        try:
            futures = {self.pool.submit(_grade, job): number for number, job in enumerate(jobs)}
            for future in as_completed(futures):
                yield futures.pop(future), *future.result()
        except BrokenProcessPool:
            raise RuntimeError(
                "a process that grades has ended (too little memory?); run the command again, with fewer "
                "--workers: what is graded is kept"
            ) from None


class _Worker:
    """Keeps the judges of the exercise that was graded last."""

    def __init__(self, prepared: dict[str, Prepared], limits: Limits) -> None:
        self.prepared, self.limits = prepared, limits
        self.name: str | None = None
        self.judges: Judges | None = None
        self.solver: Solver | None = None

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *error) -> None:
        if self.judges is not None:
            self.judges.__exit__(*error)
            self.judges = self.name = None
        if self.solver is not None:
            self.solver.__exit__(*error)
            self.solver = None

    def grade(self, job: Job) -> tuple[Grading, str | None]:
        """Grade one submission."""
        ready = self.prepared[job.exercise.name]
        if self.name != job.exercise.name:
            self.__exit__(None, None, None)
            self.judges, self.name = Judges(ready.source).__enter__(), job.exercise.name
            self.solver = Solver(ready.original or ready.source)
        if job.seed is not None and job.seed != seed_of(ready.source):
            try:
                ready = ready.with_numbers(job.seed, self.solver.values(job.seed))
            except ValueError as error:
                return nothing(job.exercise, ready.released, f"could not be graded: {error}"), None
        return grade(ready, self.judges, job.data, limits=self.limits, page=job.page)


_worker: list[_Worker] = []  # of this process, if it is one of several


def _begin(prepared: dict[str, Prepared], limits: Limits) -> None:
    worker = _Worker(prepared, limits)
    _worker[:] = [worker]
    Finalize(worker, worker.__exit__, (None, None, None), exitpriority=10)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, lambda *_: None)  # the parent ends its workers; a kernel does not inherit it
    signal.signal(signal.SIGTERM, lambda *_: _end())


def _end_with_parent() -> None:
    """End this process when the one that started it was killed; its kernels end with it."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        _end()


def _end() -> None:
    _worker[0].__exit__(None, None, None)
    os._exit(1)


def _grade(job: Job) -> tuple[Grading, str | None]:
    return _worker[0].grade(job)
