"""The people of a class, read from a CSV, and who of them a folder or a file of an LMS belongs to.

Used by `collect` to name students, and by `export` for the ids that Moodle and Canvas want.
"""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True)
class Person:
    """A line of the roster; what is not known is empty.

    Attributes
    ----------
    student : str
        Name in every table and folder that is made.
    name : str
        As people write it: ``First Surname`` or ``Surname, First``.
    email, username, id_number : str
        By which Moodle knows the person.
    moodle_id : str
        Number of a participant in the names of Moodle's files.
    canvas_id, sis_id, login, section : str
        Columns of Canvas's gradebook: ID, SIS User ID, SIS Login ID, Section.
    """

    student: str
    name: str = ""
    email: str = ""
    username: str = ""
    id_number: str = ""
    moodle_id: str = ""
    canvas_id: str = ""
    sis_id: str = ""
    login: str = ""
    section: str = ""


_COLUMNS = tuple(field.name for field in fields(Person))
_UNIQUE = ("student", "email", "username", "id_number", "moodle_id", "canvas_id", "sis_id", "login")


@dataclass(frozen=True)
class Owner:
    """Whose a folder or a file is, as its name says: a text, and the numbers of an LMS in it."""

    name: str
    moodle_id: str = ""
    canvas_id: str = ""


class Roster:
    """The people of a class, by their name in the tables.

    Parameters
    ----------
    people : list of Person
    """

    def __init__(self, people: list[Person]) -> None:
        self.people = {person.student: person for person in people}

    def __iter__(self) -> Iterator[Person]:
        return iter(self.people.values())

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Roster:
        """Read a roster.

        Parameters
        ----------
        path : path-like
            CSV with a line of column names; `student` is needed, the other attributes of `Person` may be
            there. Commas, semicolons or tabs stand between the columns.

        Returns
        -------
        Roster

        Raises
        ------
        FileNotFoundError
            If the file does not exist.
        ValueError
            If a column is unknown, a student has no name, or two lines share what only one can have.
        """
        path = Path(path)
        people: list[Person] = []
        first: dict[tuple[str, str], int] = {}
        for number, row in read_rows(path, needed=("student",), allowed=_COLUMNS):
            person = Person(**row)
            if (
                not person.student
                or re.search(r"[/\\\x00]", person.student)
                or person.student.startswith(".")
            ):
                raise ValueError(
                    f"{path.name} line {number}, column student: {person.student!r} cannot name a folder"
                )
            for column in _UNIQUE:
                value = getattr(person, column)
                other = first.setdefault((column, value.casefold()), number) if value else number
                if other != number:
                    raise ValueError(
                        f"{path.name} line {number}, column {column}: {value!r} stands in line {other} too"
                    )
            people.append(person)
        if not people:
            raise ValueError(f"{path.name} holds no student")
        return cls(people)

    def find(self, owner: Owner) -> list[Person]:
        """People whom `owner` fits: by number, else by name; one if it is clear."""
        for column in ("canvas_id", "moodle_id"):
            number = getattr(owner, column)
            fitting = [p for p in self if number and getattr(p, column) == number]
            if fitting:
                return fitting
        said = owner.name.casefold()
        for names in (_names, _loose_names):
            fitting = [
                p for p in self if said in names(p) or (names is _loose_names and _plain(said) in names(p))
            ]
            if fitting:
                return fitting
        return []


def _names(person: Person) -> set[str]:
    found = {person.student, person.name, person.email, person.username, person.login, person.id_number}
    return {name.casefold() for name in found if name}


def _loose_names(person: Person) -> set[str]:
    """The name without accents, spaces and signs, in both orders; what stands before the @ of the email."""
    found = {person.email.partition("@")[0]}
    for name in (person.name, person.student):
        surname, comma, given = name.partition(",")
        words = [*given.split(), *surname.split()] if comma else name.split()
        found |= {"".join(words[place:] + words[:place]) for place in range(len(words))}
    return {_plain(name) for name in found if name}


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.casefold())
    return re.sub(r"[\W_]", "", "".join(part for part in parts if not unicodedata.combining(part)))


def read_rows(
    path: str | os.PathLike[str], *, needed: tuple[str, ...], allowed: tuple[str, ...]
) -> list[tuple[int, dict[str, str]]]:
    """Rows of a CSV with a line of column names, each with its line number.

    Parameters
    ----------
    path : path-like
    needed, allowed : tuple of str
        Names of columns; capital letters and spaces in the file make no difference.

    Returns
    -------
    list of (int, dict of str to str)

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If it is no such CSV; the message names file, line and column.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"the file {path} does not exist")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path.name} is not in UTF-8 (byte {error.start}); save it as CSV UTF-8") from None
    head = text.partition("\n")[0]
    between = max(",;\t", key=head.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=between, strict=True)
    try:
        columns = [re.sub(r"\s+", "_", name.strip().casefold()) for name in next(lines, [])]
        for column in columns:
            if column not in allowed:
                raise ValueError(
                    f"{path.name} has a column {column!r}; the columns may be {', '.join(allowed)}"
                )
            if columns.count(column) > 1:
                raise ValueError(f"{path.name} has the column {column!r} twice")
        for column in needed:
            if column not in columns:
                raise ValueError(
                    f"{path.name} has no column {column!r}; it has {', '.join(columns) or 'none'}"
                )
        rows = []
        for values in lines:
            number = lines.line_num
            if not any(value.strip() for value in values):
                continue
            if len(values) != len(columns):
                raise ValueError(
                    f"{path.name} line {number} has {len(values)} values for {len(columns)} columns"
                )
            rows.append((number, dict(zip(columns, (value.strip() for value in values), strict=True))))
        return rows
    except csv.Error as error:
        raise ValueError(f"{path.name} line {lines.line_num} is no CSV: {error}") from None
