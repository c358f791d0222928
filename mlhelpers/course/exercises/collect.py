"""The submissions in a folder: whose each file is and which exercise it answers.

Folders of nbgrader, names that browsers and Jupyter make, downloads of Moodle and Canvas; what cannot be told
is named and never counts as nothing. Used by `classroom` and `similarity`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from mlhelpers.course.exercises.exercise import Exercise, find_exercises
from mlhelpers.course.exercises.roster import Owner, Roster
from mlhelpers.course.files import read_notebook

_MOODLE = re.compile(
    r"(?P<name>.+?)_(?P<id>\d+)_assignsubmission_(?:file|onlinetext)_?(?P<rest>.*)", re.DOTALL
)
_CANVAS = re.compile(r"(?P<name>[^_]+)(?P<late>_LATE)?_(?P<user>\d+)_(?P<upload>\d+)_(?P<rest>.+)", re.DOTALL)
_COPY = re.compile(r"^(?:copy of )?(.+?)(?: ?\((\d+)\)|-(\d+)|[-_ ]+copy ?\(?(\d*)\)?)?$", re.IGNORECASE)
_NAMELESS = re.compile(r"participant|teilnehmer.*|anon.*", re.IGNORECASE)  # of anonymous grading
LARGEST = 50_000_000


@dataclass(frozen=True, eq=False)
class Submission:
    """One file that answers an exercise.

    Attributes
    ----------
    student : str
    exercise : Exercise
    path : pathlib.Path
    data : bytes
    time : datetime.datetime
        Time stamp of the file, in the zone of the machine.
    number : int
        Of the copy or the upload in the name; a later one is higher.
    late : bool
        Whether the LMS put LATE into the name.
    """

    student: str
    exercise: Exercise
    path: Path
    data: bytes
    time: datetime
    number: int = 0
    late: bool = False


@dataclass(frozen=True)
class Doubt:
    """A file that a person has to look at: its path in the folder, whose it is if known, and why."""

    path: str
    student: str | None
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass
class Found:
    """What a folder of submissions holds.

    Attributes
    ----------
    students : list of str
        Everybody with a folder or a file, and everybody of the roster.
    exercises : list of Exercise
        Those that anybody handed in, in the order asked for.
    submissions : list of Submission
        By exercise, student and then from the first to the last.
    doubts : list of Doubt
    """

    students: list[str] = field(default_factory=list)
    exercises: list[Exercise] = field(default_factory=list)
    submissions: list[Submission] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    _by_place: dict[tuple[str, str], list[Submission]] | None = field(default=None, repr=False)

    def attempts(self, student: str, exercise: Exercise) -> list[Submission]:
        """Submissions of a student to an exercise, the last one last."""
        if self._by_place is None:
            self._by_place = {}
            for made in self.submissions:
                self._by_place.setdefault((made.student, made.exercise.name), []).append(made)
        return self._by_place.get((student, exercise.name), [])


@dataclass(frozen=True)
class _File:
    owner: Owner
    path: Path
    name: str
    place: str
    late: bool = False
    upload: int = 0


def find_submissions(
    folder: str | os.PathLike[str], exercises: list[Exercise], *, roster: Roster | None = None
) -> Found:
    """Find the submissions of a class.

    Parameters
    ----------
    folder : path-like
        Holds a folder per student, or what Moodle or Canvas gave; downloads of several assignments stand in
        folders with the name or the number of the assignment.
    exercises : list of Exercise
        Others of the course are passed over.
    roster : Roster, optional
        Gives the students their names.

    Returns
    -------
    Found

    Raises
    ------
    FileNotFoundError
        If the folder does not exist or holds no submission to one of the exercises.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"the folder {folder} does not exist")
    return _Search(folder, exercises, roster).run()


class _Search:
    def __init__(self, folder: Path, exercises: list[Exercise], roster: Roster | None) -> None:
        self.folder, self.wanted, self.roster = folder, exercises, roster
        known = {e.name: e for e in _all_of(exercises)} | {e.name: e for e in exercises}
        self.known = known
        self.ids = {name: _ids_of_source(e) for name, e in known.items()}
        self.found = Found()
        self.folders: set[str] = set()  # exercises that somebody has a folder for
        self.owners: dict[Owner, str | None] = {}

    def run(self) -> Found:
        files = list(self.walk(self.folder, ""))
        found = self.found
        submissions: list[tuple[_File, Submission]] = []
        for file in files:
            student = self.student(file.owner, file.path)
            if student is not None and (made := self.submission(file, student)) is not None:
                submissions.append((file, made))
        found.submissions = self.told_apart(submissions)
        people = [person.student for person in self.roster] if self.roster else []
        owners = [student for student in self.owners.values() if student is not None]
        found.students = sorted({*people, *owners, *(s.student for s in found.submissions)})
        handed_in = {s.exercise.name for s in found.submissions} | self.folders
        found.exercises = [e for e in self.wanted if e.name in handed_in]
        if not found.exercises:
            names = ", ".join(exercise.name for exercise in self.wanted)
            text = f"no {self.folder.name}/STUDENT/ASSIGNMENT/ASSIGNMENT.ipynb for any of: {names}"
            doubts = "; ".join(str(doubt) for doubt in found.doubts[:3])
            raise FileNotFoundError(text + (f"; in doubt: {doubts}" if doubts else ""))
        order = {e.name: place for place, e in enumerate(self.wanted)}
        found.submissions.sort(
            key=lambda s: (order[s.exercise.name], s.student, s.time, s.number, str(s.path))
        )
        self.same_time()
        return found

    def doubt(self, path: Path, reason: str, student: str | None = None) -> None:
        self.found.doubts.append(Doubt(path.relative_to(self.folder).as_posix(), student, reason))

    def walk(self, folder: Path, place: str) -> Iterator[_File]:
        for path in sorted(folder.iterdir()):
            name = path.name
            if name.startswith(".") or name == "__MACOSX":
                continue
            if path.is_symlink():
                self.doubt(path, "is a link, and links are not followed; put the file itself there")
                continue
            moodle, canvas = _MOODLE.fullmatch(name), _CANVAS.fullmatch(name)
            if path.is_dir() and moodle is None and (inner := self.assignment(name)) is not None:
                yield from self.walk(path, inner)
            elif path.is_dir():
                owner = _moodle_owner(moodle) if moodle else Owner(name)
                self.student(owner, path)
                yield from self.below(path, owner, place)
            elif path.suffix.casefold() not in (".ipynb", ".zip"):
                continue
            elif moodle and moodle["rest"]:
                yield _File(_moodle_owner(moodle), path, moodle["rest"], place)
            elif canvas:
                number = canvas["user"]
                nameless = _NAMELESS.fullmatch(canvas["name"])
                owner = Owner(f"{canvas['name']} {number}" if nameless else canvas["name"], "", number)
                yield _File(owner, path, canvas["rest"], place, bool(canvas["late"]), int(canvas["upload"]))
            else:
                self.doubt(path, "whose is it? put it into a folder with the name of the student")

    def assignment(self, name: str) -> str | None:
        """Exercise, or an empty text for a chapter, if a folder of students has its name."""
        for exercise in self.known.values():
            if name in (exercise.name, exercise.lesson.number):
                return exercise.name
            if name == exercise.chapter:
                return ""
        return None

    def below(self, folder: Path, owner: Owner, place: str) -> Iterator[_File]:
        for top, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
            for name in [*folders, *sorted(names)]:
                path = Path(top) / name
                notebook = path.suffix.casefold() in (".ipynb", ".zip")
                if name.startswith("."):
                    continue
                if path.is_symlink() and (notebook or name in folders):
                    self.doubt(path, "is a link, and links are not followed; put the file itself there")
                elif name in folders and _MOODLE.fullmatch(name):
                    self.doubt(
                        path,
                        f"a folder of Moodle inside of {folder.name}, which is taken for a student; "
                        f"give {folder.name} the name of the assignment",
                    )
                elif name in folders:
                    self.folders |= {name} & self.ids.keys()
                elif notebook:
                    inner = Path(top).name
                    yield _File(owner, path, name, inner if inner in self.known else place)

    def student(self, owner: Owner, path: Path) -> str | None:
        if owner in self.owners:
            return self.owners[owner]
        self.owners[owner] = owner.name
        if self.roster is not None:
            people = self.roster.find(owner)
            if len(people) == 1:
                self.owners[owner] = people[0].student
            elif people:
                names = ", ".join(person.student for person in people)
                self.doubt(
                    path, f"{owner.name!r} fits several of the roster ({names}); name the folder clearly"
                )
            else:
                self.doubt(path, f"{owner.name!r} is not in the roster; graded under this name", owner.name)
        return self.owners[owner]

    def submission(self, file: _File, student: str) -> Submission | None:
        path = file.path
        if path.suffix.casefold() == ".zip":
            self.doubt(path, "is a zip file; unpack it in its place", student)
            return None
        size = path.stat()
        if size.st_size > LARGEST:
            self.doubt(path, f"is larger than {LARGEST // 10**6} MB; have its outputs cleared", student)
            return None
        data = path.read_bytes()
        name, reason = self.identify(file, data)
        if name is None:
            self.doubt(path, reason, student)
            return None
        exercise = next((e for e in self.wanted if e.name == name), None)
        if exercise is None:
            return None  # of an exercise that is not graded now
        number = file.upload or _name_of(file.name)[1]
        time = datetime.fromtimestamp(size.st_mtime).astimezone()
        return Submission(student, exercise, path, data, time, number, file.late)

    def identify(self, file: _File, data: bytes) -> tuple[str | None, str]:
        """Name of the exercise that a file answers, or None and why it cannot be told."""
        stem = _name_of(file.name)[0]
        named = stem if stem in self.known else (file.place or None)
        ids = _ids(data)
        if ids is None:
            reason = "cannot be read as a notebook, and its name is no exercise's"
            return (named, "") if named else (None, reason)
        shares = {name: len(ids & own) / len(own) for name, own in self.ids.items() if own and ids & own}
        most = max(shares.values(), default=0.0)
        best = [name for name, share in shares.items() if share == most]
        if named and (named in shares or not best or most < 0.5):
            if named not in best and shares.get(named, 0.0) < 0.5 <= most:
                return None, f"is named {named}, but most of its cells are of {best[0]}; rename it"
            return named, ""
        if named:
            return None, f"is named {named}, but its cells are of {best[0]}; rename it"
        if len(best) == 1 and most >= 0.5:
            return best[0], ""
        if best:
            return None, f"its cells fit {' and '.join(sorted(best)[:3])}; rename it"
        return None, "its name is no exercise's and it holds no test cell of one; rename it"

    def told_apart(self, submissions: list[tuple[_File, Submission]]) -> list[Submission]:
        """Give people of the same name, whom their numbers tell apart, names with the number."""
        numbers: dict[tuple[str, str], set[str]] = {}
        for file, made in submissions:
            number = file.owner.moodle_id or file.owner.canvas_id
            if number:
                numbers.setdefault((made.student, made.exercise.name), set()).add(number)
        double = {student for (student, _), several in numbers.items() if len(several) > 1}
        made_new = []
        for file, made in submissions:
            number = file.owner.moodle_id or file.owner.canvas_id
            if made.student in double and number:
                new = f"{made.student} ({number})"
                self.doubt(file.path, f"several people are named {made.student}; graded as {new}", new)
                made = replace(made, student=new)
            made_new.append(made)
        return made_new

    def same_time(self) -> None:
        """Name the attempts of which none can be told to be the last."""
        for one, two in zip(self.found.submissions, self.found.submissions[1:], strict=False):
            same = (one.student, one.exercise.name) == (two.student, two.exercise.name)
            if same and (one.time, one.number) == (two.time, two.number) and one.data != two.data:
                other = one.path.relative_to(self.folder).as_posix()
                self.doubt(two.path, f"has the time stamp of {other}; remove the older one", two.student)


def _all_of(exercises: list[Exercise]) -> list[Exercise]:
    from mlhelpers.course.syllabus import load_syllabus

    return find_exercises(syllabus=load_syllabus(exercises[0].root)) if exercises else []


def _moodle_owner(match: re.Match[str]) -> Owner:
    name = match["name"]
    return Owner(f"{name} {match['id']}" if _NAMELESS.fullmatch(name) else name, match["id"])


def _name_of(name: str) -> tuple[str, int]:
    """Name of a file without its ending and without what a browser, Jupyter or an LMS adds; its number."""
    match = _COPY.fullmatch(re.sub(r"\.ipynb$", "", name, flags=re.IGNORECASE))
    if match is None:
        return name, 0
    number = next((part for part in match.groups()[1:] if part), None)
    if match[0] == match[1]:
        return match[1], 0
    inner, deeper = _name_of(match[1])  # `NAME (1)-2`
    return inner, int(number or 1) + deeper


def _ids_of_source(exercise: Exercise) -> set[str]:
    cells = read_notebook(exercise.source).cells
    return {name for cell in cells if (name := cell.metadata.get("nbgrader", {}).get("grade_id"))}


def _ids(data: bytes) -> set[str] | None:
    """The nbgrader ids in a notebook, None if it is none."""
    try:
        cells = json.loads(data)["cells"]
        marks = [cell.get("metadata", {}).get("nbgrader") for cell in cells]
        names = [mark.get("grade_id") for mark in marks if isinstance(mark, dict)]
        return {name for name in names if isinstance(name, str)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
