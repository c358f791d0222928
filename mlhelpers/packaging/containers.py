"""A Dockerfile judged by what it does: rules that linters lack, files it would take, layers it rebuilds.

Taught in lesson 6.4 (containers).
"""

from __future__ import annotations

import fnmatch
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

BASE, PORT = "python:3.11-slim-bookworm", 8080  # what our images stand on and listen on
_HEALTH_PATHS = ("/health/live", "/health/ready", "/health", "/healthz", "/ping", "/livez", "/readyz")
_SECRET = re.compile(r"(?i)(passw(or)?d|secret|token|api_?key|private_?key|credential)")
_SECRET_FILE = re.compile(
    r"(?i)(^|/)(\.env[\w.]*|id_rsa|id_ed25519|.*\.pem|.*\.key|credentials|\.netrc|\.pypirc)$"
)
_INSTALL = re.compile(r"\b(pip3?|uv|poetry|conda|mamba|pipenv)\b[^&|;]*\b(install|sync)\b")
_DEVELOPMENT = re.compile(
    r"\bflask\b[^&|;]*\brun\b|\brunserver\b|--reload\b|\bFLASK_(ENV|DEBUG)\b|\bpython3?\s+\S*app\.py\b"
)


@dataclass(frozen=True)
class Instruction:
    """One instruction of a Dockerfile.

    Attributes
    ----------
    line : int
        Where it begins, from 1.
    name : str
        In capitals, such as "RUN".
    value : str
        What follows, its lines joined; flags such as ``--from=`` are not in it.
    flags : dict of str to str
        ``--from=build`` becomes ``{"from": "build"}``.
    stage : int
        Number of its build stage, from 0; -1 before the first FROM.
    """

    line: int
    name: str
    value: str
    flags: dict[str, str] = field(default_factory=dict)
    stage: int = -1

    @property
    def words(self) -> list[str] | None:
        """Words of the exec form, None if it is the shell form."""
        if not self.value.startswith("["):
            return None
        try:
            words = json.loads(self.value)
        except ValueError:
            return None
        return words if isinstance(words, list) and all(isinstance(word, str) for word in words) else None

    @property
    def sources(self) -> list[str]:
        """What COPY or ADD takes from the build context; empty for another stage's files."""
        if self.name not in ("COPY", "ADD") or "from" in self.flags or self.value.startswith("<<"):
            return []
        words = self.words or self.value.split()
        return words[:-1]


def parse_dockerfile(text: str) -> list[Instruction]:
    """Instructions of a Dockerfile.

    Taught in lesson 6.4. Comments, continued lines, another escape character and here-documents are
    understood.

    Parameters
    ----------
    text : str

    Returns
    -------
    list of Instruction

    Raises
    ------
    ValueError
        If a line holds no instruction that Docker knows, or there is no FROM; the message names the line.
    """
    escape = "`" if re.match(r"(?i)\s*#\s*escape\s*=\s*`", text) else "\\"
    lines = text.splitlines()
    found: list[Instruction] = []
    stage, at = -1, 0
    while at < len(lines):
        first, joined = at, ""
        while at < len(lines):
            line = lines[at].strip()
            at += 1
            if line.startswith("#") or (not line and joined):
                continue
            first = first if joined else at
            if line.endswith(escape):
                joined += line[: -len(escape)].rstrip() + " "
                continue
            joined += line
            break
        joined = joined.strip()
        if not joined:
            continue
        name, _, rest = joined.partition(" ")
        name = name.upper()
        if not _KNOWN.fullmatch(name):
            raise ValueError(f"line {first}: {name.split()[0][:30]!r} is no instruction of a Dockerfile")
        flags: dict[str, str] = {}
        while match := re.match(r"\s*--([\w-]+)(?:=(\S*))?\s*", rest):
            if name not in ("COPY", "ADD", "FROM", "RUN", "HEALTHCHECK"):
                break
            flags[match[1]] = match[2] or ""
            rest = rest[match.end() :]
        for mark in re.findall(r"<<-?\s*['\"]?(\w+)['\"]?", rest):
            body = []
            while at < len(lines) and lines[at].strip() != mark:
                body.append(lines[at])
                at += 1
            at += 1
            rest += "\n" + "\n".join(body)
        stage += name == "FROM"
        found.append(Instruction(first, name, rest.strip(), flags, stage))
    if stage < 0:
        raise ValueError("there is no FROM; a Dockerfile begins with the image it stands on")
    return found


_KNOWN = re.compile(
    "ADD|ARG|CMD|COPY|ENTRYPOINT|ENV|EXPOSE|FROM|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|RUN|SHELL|STOPSIGNAL|"
    "USER|VOLUME|WORKDIR"
)


def lint_dockerfile(
    path: str | Path, *, hadolint: bool = True, health_paths: Sequence[str] = _HEALTH_PATHS
) -> pd.DataFrame:
    """Faults of a Dockerfile, by hadolint's rules and by those that it lacks.

    Taught in lesson 6.4. Ours (``MLE001`` to ``MLE011``) are about what happens when the image runs: who it
    runs as, whether it hears that it has to stop, what it holds that nobody wanted in it.

    Parameters
    ----------
    path : str or Path
        A Dockerfile; scripts that it starts are looked for beside it.
    hadolint : bool, default=True
        Ask hadolint too; its ``ignore`` comments do not silence our rules.
    health_paths : sequence of str
        Paths that a health check may ask.

    Returns
    -------
    DataFrame of shape (n_findings, 4)
        rule, line (0 if something is not there), why, repair; by line, then rule.

    Raises
    ------
    FileNotFoundError
        If there is no such file, or hadolint is asked for and not installed.
    ValueError
        If it is no Dockerfile.
    """
    import pandas as pd

    path = Path(path)
    text = path.read_text(encoding="utf-8")
    try:
        instructions = parse_dockerfile(text)
    except ValueError as error:
        raise ValueError(f"{path.name}, {error}") from error
    last = [one for one in instructions if one.stage == instructions[-1].stage]
    rows: list[tuple[str, int, str, str]] = []
    for number, (rule, repair) in enumerate(_rules(path.parent, health_paths), start=1):
        rows += [(f"MLE{number:03d}", line, why, repair) for line, why in rule(instructions, last)]
    if hadolint:
        rows += _hadolint(path)
    frame = pd.DataFrame(rows, columns=["rule", "line", "why", "repair"])
    return frame.sort_values(["line", "rule", "why"], kind="stable", ignore_index=True)


Found = Iterator[tuple[int, str]]
Rule = Callable[[list[Instruction], list[Instruction]], Found]


def _rules(folder: Path, health_paths: Sequence[str]) -> list[tuple[Rule, str]]:
    return [
        (_user, "USER 10001 after the files are copied"),
        (_health_check, "HEALTHCHECK CMD that asks the service, with its real path"),
        (_digest, "FROM name:tag@sha256:..., renewed on purpose"),
        (_copy_before_install, "COPY the lock, RUN the install, then COPY the code"),
        (_add_address, "download with a checksum in RUN, or COPY a file that was checked"),
        (_development_server, "a server made for it: uvicorn or gunicorn; no FLASK_ENV, no --reload"),
        (lambda all_, last: _health_path(last, health_paths), "the path that the service answers on"),
        (lambda all_, last: _signals(last, folder), 'CMD ["program", "argument"], and exec in scripts'),
        (_user_site, "install into a virtual environment outside of /root and COPY that"),
        (_secrets, "hand secrets over at run time, or with RUN --mount=type=secret"),
        (_pins, "pip install --require-hashes -r requirements.lock"),
    ]


def _user(_: list[Instruction], last: list[Instruction]) -> Found:
    users = [one for one in last if one.name == "USER"]
    if not users:
        yield 0, "no USER: the service runs as root"
    elif users[-1].value.split(":")[0] in ("root", "0"):
        yield users[-1].line, f"USER {users[-1].value} is root"


def _health_check(_: list[Instruction], last: list[Instruction]) -> Found:
    checks = [one for one in last if one.name == "HEALTHCHECK"]
    if not checks or checks[-1].value.upper() == "NONE":
        yield checks[-1].line if checks else 0, "no HEALTHCHECK: a service that hangs is taken for a good one"
    elif _always_right(checks[-1].value):
        yield checks[-1].line, "the HEALTHCHECK is right whatever the service does"


def _always_right(value: str) -> bool:
    command = value.partition("CMD")[2].strip()
    try:
        words = json.loads(command) if command.startswith("[") else command.split()
    except ValueError:
        words = command.split()
    plain = " ".join(words).strip()
    if re.fullmatch(r"(sh -c )?['\"]?(/bin/)?(true|exit 0|:|echo .*)['\"]?", plain):
        return True
    return bool(re.search(r"(\|\||;)\s*(true|exit 0|:)\s*['\"]?$", plain))


def _digest(everything: list[Instruction], _: list[Instruction]) -> Found:
    names: set[str] = {"scratch"}
    arguments = {
        one.value.partition("=")[0]: one.value.partition("=")[2]
        for one in everything
        if one.name == "ARG" and one.stage < 0
    }
    for one in everything:
        if one.name != "FROM":
            continue
        words = one.value.split()
        image = re.sub(
            r"\$\{?(\w+)(?::-([^}]*))?\}?", lambda m: arguments.get(m[1]) or m[2] or m[0], words[0]
        )
        if image not in names and "@sha256:" not in image:
            yield one.line, f"{image} may be another image tomorrow: no digest"
        if len(words) == 3 and words[1].lower() == "as":
            names.add(words[2])


def _copy_before_install(everything: list[Instruction], _: list[Instruction]) -> Found:
    for one in everything:
        if not {".", "./"} & set(one.sources):
            continue
        later = [
            two
            for two in everything
            if two.stage == one.stage
            and two.line > one.line
            and two.name == "RUN"
            and _INSTALL.search(two.value)
        ]
        if later:
            yield one.line, f"every change of any file installs all packages again (line {later[0].line})"


def _add_address(everything: list[Instruction], _: list[Instruction]) -> Found:
    for one in everything:
        if one.name == "ADD" and "checksum" not in one.flags:
            for source in one.sources:
                if re.match(r"(https?|git|ftp)://|git@", source):
                    yield one.line, "ADD takes what an address gives, unchecked"


def _development_server(everything: list[Instruction], last: list[Instruction]) -> Found:
    starts = [one for one in last if one.name in ("CMD", "ENTRYPOINT")]
    settings = [one for one in everything if one.name == "ENV" and re.search(r"FLASK_(ENV|DEBUG)", one.value)]
    for one in settings:
        yield one.line, "FLASK_ENV does nothing since Flask 2.3, FLASK_DEBUG opens a debugger to the network"
    for one in starts:
        command = " ".join(one.words or [one.value])
        if _DEVELOPMENT.search(command):
            yield one.line, f"{command!r} starts a development server"


def _health_path(last: list[Instruction], known: Sequence[str]) -> Found:
    for one in last:
        if one.name == "HEALTHCHECK":
            for address in re.findall(r"https?://[^\s'\",)\]]+", one.value):
                asked = "/" + address.split("://", 1)[1].partition("/")[2].split("?")[0]
                if asked.rstrip("/") not in {path.rstrip("/") for path in known}:
                    yield one.line, f"the HEALTHCHECK asks {asked}, which is no health path of the service"


def _signals(last: list[Instruction], folder: Path) -> Found:
    starts = {one.name: one for one in last if one.name in ("CMD", "ENTRYPOINT")}
    if not starts:
        yield 0, "no CMD: the image does not say what it runs"
        return
    one = starts.get("ENTRYPOINT") or starts["CMD"]
    words = one.words
    if words is None:
        if not re.match(r"exec\s", one.value):
            yield one.line, "shell form: the shell is process 1 and keeps SIGTERM to itself"
        return
    shell = Path(words[0]).name in ("sh", "bash", "dash", "ash") if words else False
    if shell and len(words) > 2 and words[1] == "-c":
        if not re.search(r"(^|[;&]\s*)exec\s", words[2]):
            yield one.line, "sh -c without exec: the shell is process 1 and keeps SIGTERM to itself"
        return
    script = next((word for word in words[:2] if word.endswith(".sh")), None)
    if script is not None:
        place = folder / Path(script).name
        known = place.is_file()
        lines = [line.strip() for line in place.read_text("utf-8").splitlines()] if known else []
        lines = [line for line in lines if line and not line.startswith("#")]
        if known and not (lines and re.match(r"exec\s", lines[-1])):
            yield one.line, f"{place.name} does not end in exec: the shell keeps SIGTERM to itself"
        elif not known:
            yield (
                one.line,
                f"{Path(script).name} is not beside the Dockerfile: whether it ends in exec is unknown",
            )


def _user_site(everything: list[Instruction], _: list[Instruction]) -> Found:
    for one in everything:
        if (one.name == "RUN" and re.search(r"\bpip3?\b[^&|;]*\s--user\b", one.value)) or (
            one.name == "COPY" and "/root/.local" in one.value
        ):
            yield one.line, "packages under /root, which no other user may read"


def _secrets(everything: list[Instruction], _: list[Instruction]) -> Found:
    for one in everything:
        if one.name in ("ENV", "ARG"):
            for name in re.findall(r"(?:^|\s)(\w+)(?==\S|\s+\S)", one.value):
                if _SECRET.search(name):
                    yield one.line, f"{one.name} {name} stays in the image's history"
                    break
        for source in one.sources:
            if _SECRET_FILE.search(source):
                yield one.line, f"{source} stays in its layer, also after a later RUN rm"


def _pins(everything: list[Instruction], _: list[Instruction]) -> Found:
    for one in everything:
        if one.name != "RUN":
            continue
        for command in re.split(r"&&|;|\|\||\n", one.value):
            match = re.search(r"\bpip3?\s+install\b(.*)", command)
            if match is None or "--require-hashes" in command or "--no-index" in command:
                continue
            files = re.findall(r"(?:-r|--requirement)[ =]?(\S+)", match[1])
            loose = [
                word
                for word in re.sub(r"(?:-r|--requirement|-c|--constraint)[ =]?\S+", "", match[1]).split()
                if not word.startswith(("-", ".", "/")) and "==" not in word and "@" not in word
            ]
            if loose:
                yield one.line, f"{', '.join(loose)} without a version: another one next week"
            elif files:
                yield one.line, f"{files[0]} without --require-hashes: what is fetched is not checked"


def _hadolint(path: Path) -> list[tuple[str, int, str, str]]:
    program = hadolint_program()
    done = subprocess.run(
        [program, "--no-fail", "--format", "json", "--no-color", str(path)], capture_output=True, text=True
    )
    if done.returncode:
        raise ValueError(
            f"{path.name}: hadolint cannot read it: {done.stderr.strip() or done.stdout.strip()}"
        )
    return [
        (one["code"], one["line"], one["message"], "see hadolint's rule") for one in json.loads(done.stdout)
    ]


def hadolint_program() -> str:
    """Path of hadolint, which the lock installs.

    Taught in lesson 6.4.

    Returns
    -------
    str

    Raises
    ------
    FileNotFoundError
        If it is not there.
    """
    import sysconfig

    here = shutil.which("hadolint", path=sysconfig.get_path("scripts")) or shutil.which("hadolint")
    if here is None:
        raise FileNotFoundError("there is no hadolint; run `make setup`, or lint with hadolint=False")
    return here


def context_files(folder: str | Path, *, ignore: str | None = None) -> pd.DataFrame:
    """Files of a build context, and the line of .dockerignore that leaves each out.

    Taught in lesson 6.4: what ``COPY . .`` would take.

    Parameters
    ----------
    folder : str or Path
        The build context.
    ignore : str, optional
        Content of a .dockerignore; default: the one in `folder`, "" for none.

    Returns
    -------
    DataFrame of shape (n_files, 3)
        file, bytes, ignored_by (None if it is taken); by name.

    Raises
    ------
    NotADirectoryError
        If there is no such folder.
    """
    import pandas as pd

    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"there is no folder {folder}")
    if ignore is None:
        place = folder / ".dockerignore"
        ignore = place.read_text(encoding="utf-8") if place.is_file() else ""
    patterns = list(_patterns(ignore))
    rows = [
        (name, size, _ignored_by(name, patterns))
        for name, size in sorted(
            (path.relative_to(folder).as_posix(), path.lstat().st_size)
            for path in folder.rglob("*")
            if path.is_file() or path.is_symlink()
        )
    ]
    return pd.DataFrame(rows, columns=["file", "bytes", "ignored_by"]).astype({"ignored_by": object})


def _patterns(text: str) -> Iterator[tuple[str, bool, re.Pattern[str]]]:
    for line in text.splitlines():
        shown = line.strip()
        if not shown or line.startswith("#"):
            continue
        back = shown.startswith("!")
        pattern = shown.removeprefix("!").strip().strip("/")
        pattern = re.sub(r"/+", "/", pattern).removeprefix("./")
        if pattern:
            yield shown, back, _pattern(pattern)


def _ignored_by(name: str, patterns: Iterable[tuple[str, bool, re.Pattern[str]]]) -> str | None:
    """The last line that speaks of a file decides, or of a folder that it lies in."""
    parts = name.split("/")
    places = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    by = None
    for shown, back, pattern in patterns:
        if any(pattern.fullmatch(place) for place in places):
            by = None if back else shown
    return by


@lru_cache(maxsize=1000)
def _pattern(pattern: str) -> re.Pattern[str]:
    """Regular expression of Docker's patterns: ``*`` and ``?`` within a name, ``**`` over folders."""
    out, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out, at = out + r"(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        elif pattern[at] == "*":
            out, at = out + "[^/]*", at + 1
        elif pattern[at] == "?":
            out, at = out + "[^/]", at + 1
        elif pattern[at] == "[" and "]" in pattern[at:]:
            end = pattern.index("]", at)
            group = pattern[at : end + 1].replace("[^", "[!", 1)
            out, at = out + fnmatch.translate(group)[4:-3], end + 1
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    return re.compile(out)


def rebuilt(dockerfile: str | Path, commits: Iterable[Iterable[str]], *, ignore: str = "") -> pd.DataFrame:
    """Which instructions a build runs again after each commit, by the rule of the build cache.

    Taught in lesson 6.4. An instruction runs again if a file that it copies has changed, or an instruction
    before it in its stage ran again, or the stage that it copies from did. A model of the cache, not Docker.

    Parameters
    ----------
    dockerfile : str or Path
        A Dockerfile.
    commits : iterable of iterable of str
        Files that each commit changes, relative to the build context.
    ignore : str, default=""
        Content of a .dockerignore.

    Returns
    -------
    DataFrame of shape (n_commits * n_instructions, 5)
        commit (from 0), line, instruction, value, rebuilt; instructions that make no layer are left out.
    """
    import pandas as pd

    instructions = parse_dockerfile(Path(dockerfile).read_text(encoding="utf-8"))
    patterns = list(_patterns(ignore))
    names: dict[str, int] = {}
    for one in instructions:
        if one.name == "FROM" and len(words := one.value.split()) == 3:
            names[words[2]] = one.stage
    rows = []
    for commit, changed in enumerate(commits):
        files = [name for name in changed if _ignored_by(name, patterns) is None]
        again: dict[int, bool] = {}
        for one in instructions:
            if one.stage < 0:
                continue
            dirty = again.get(one.stage, False)
            if one.name == "FROM":
                dirty = again.get(names.get(one.value.split()[0], -1), False)
            elif "from" in one.flags:
                origin = one.flags["from"]
                dirty = dirty or again.get(int(origin) if origin.isdigit() else names.get(origin, -1), False)
            dirty = dirty or any(_takes(source, name) for source in one.sources for name in files)
            again[one.stage] = dirty
            if one.name in ("RUN", "COPY", "ADD"):
                rows.append((commit, one.line, one.name, one.value, dirty))
    return pd.DataFrame(rows, columns=["commit", "line", "instruction", "value", "rebuilt"])


def _takes(source: str, name: str) -> bool:
    source = source.removeprefix("./").strip("/")
    if source in ("", "."):
        return True
    parts = name.split("/")
    return any(_pattern(source).fullmatch("/".join(parts[:end])) for end in range(1, len(parts) + 1))
