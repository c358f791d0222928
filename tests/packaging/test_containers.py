"""Each rule finds its fault and is silent where it is mended; the context and the cache are Docker's."""

import pandas as pd
import pytest

from mlhelpers.packaging.containers import (
    context_files,
    hadolint_program,
    lint_dockerfile,
    parse_dockerfile,
    rebuilt,
)

GOOD = """\
FROM python:3.11-slim@sha256:abc AS build
WORKDIR /build
COPY requirements.lock .
RUN pip install --no-cache-dir --require-hashes -r requirements.lock
FROM python:3.11-slim@sha256:abc
COPY --from=build /opt/env /opt/env
COPY app /app
USER 10001
HEALTHCHECK CMD curl -f http://localhost:8080/health/live
CMD ["uvicorn", "app:app"]
"""


def ours(tmp_path, text, **files):
    for name, content in files.items():
        (tmp_path / name.replace("__", ".")).write_text(content)
    (tmp_path / "Dockerfile").write_text(text)
    return lint_dockerfile(tmp_path / "Dockerfile", hadolint=False)


def test_nothing_is_found_where_nothing_is_wrong(tmp_path):
    assert ours(tmp_path, GOOD).empty


FAULTS = {  # rule: what is replaced in the good file, by what, and the line of the finding
    "MLE001": [("USER 10001\n", "", 0), ("USER 10001", "USER 0:0", 8), ("USER 10001", "USER root", 8)],
    "MLE002": [
        ("HEALTHCHECK CMD curl -f http://localhost:8080/health/live\n", "", 0),
        ("HEALTHCHECK CMD curl -f http://localhost:8080/health/live", "HEALTHCHECK NONE", 9),
        ("HEALTHCHECK CMD curl -f http://localhost:8080/health/live", "HEALTHCHECK CMD exit 0", 9),
        ("HEALTHCHECK CMD curl -f http://localhost:8080/health/live", 'HEALTHCHECK CMD ["true"]', 9),
        ("/health/live", "/health/live || exit 0", 9),
    ],
    "MLE003": [
        ("FROM python:3.11-slim@sha256:abc\n", "FROM python:3.11-slim\n", 5),
        ("FROM python:3.11-slim@sha256:abc AS", "ARG BASE=python:3.11\nFROM ${BASE} AS", 2),
        ("FROM python:3.11-slim@sha256:abc AS", "FROM $MISSING AS", 1),
    ],
    "MLE004": [
        ("COPY requirements.lock .", "COPY . .", 3),
        ("COPY requirements.lock .", "COPY ./ /build", 3),
    ],
    "MLE005": [("COPY app /app", "ADD https://host/app.tar /app", 7)],
    "MLE006": [
        ('["uvicorn", "app:app"]', '["flask", "--app", "app", "run"]', 10),
        ('["uvicorn", "app:app"]', '["uvicorn", "app:app", "--reload"]', 10),
        ('["uvicorn", "app:app"]', '["python", "app.py"]', 10),
        ("USER 10001", "ENV FLASK_ENV=production\nUSER 10001", 8),
    ],
    "MLE007": [("/health/live", "/heath", 9), ("/health/live", "/predict?x=1", 9)],
    "MLE008": [
        ('CMD ["uvicorn", "app:app"]', "CMD uvicorn app:app", 10),
        ('CMD ["uvicorn", "app:app"]', 'CMD ["sh", "-c", "cd /app && uvicorn app:app"]', 10),
        ('CMD ["uvicorn", "app:app"]', 'CMD ["/app/start.sh"]', 10),
        ('CMD ["uvicorn", "app:app"]', 'ENTRYPOINT uvicorn app:app\nCMD ["x"]', 10),
        ('CMD ["uvicorn", "app:app"]\n', "", 0),
    ],
    "MLE009": [
        ("RUN pip install", "RUN pip install --user", 4),
        ("/opt/env /opt/env", "/root/.local /root/.local", 6),
    ],
    "MLE010": [
        ("USER 10001", "ENV DB_PASSWORD=x\nUSER 10001", 8),
        ("USER 10001", "ENV LEVEL=1 API_KEY=x\nUSER 10001", 8),
        ("USER 10001", "ARG token\nUSER 10001", None),  # a name alone holds nothing
        ("COPY app /app", "COPY .env /app", 7),
        ("COPY app /app", "COPY keys/churn.pem /app", 7),
    ],
    "MLE011": [
        ("pip install --no-cache-dir --require-hashes -r", "pip install --no-cache-dir -r", 4),
        ("--require-hashes -r requirements.lock", "flask scikit-learn==1.9.1", 4),
    ],
}
CASES = [(rule, *case) for rule, cases in FAULTS.items() for case in cases]


@pytest.mark.parametrize(("rule", "old", "new", "line"), CASES)
def test_fault_is_found_with_its_line(tmp_path, rule, old, new, line):
    assert old in GOOD
    found = ours(tmp_path, GOOD.replace(old, new, 1))
    assert found["rule"].tolist() == ([] if line is None else [rule])
    assert found["line"].tolist() == ([] if line is None else [line])
    assert found["repair"].str.len().gt(10).all()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('CMD ["uvicorn", "app:app"]', 'CMD ["sh", "-c", "cd /app && exec uvicorn app:app"]'),
        ('CMD ["uvicorn", "app:app"]', "CMD exec uvicorn app:app"),
        ('CMD ["uvicorn", "app:app"]', 'CMD ["bash", "start.sh"]'),
        ("COPY app /app", "ADD --checksum=sha256:1 https://host/app.tar /app"),
        ("FROM python:3.11-slim@sha256:abc\n", "FROM build\n"),
        (
            "RUN pip install --no-cache-dir --require-hashes -r requirements.lock",
            "RUN pip install --no-deps a==1",
        ),
        (
            "RUN pip install --no-cache-dir --require-hashes -r requirements.lock",
            "RUN pip install --no-index ./a.whl",
        ),
    ],
)
def test_other_right_ways_are_no_faults(tmp_path, old, new):
    text = GOOD.replace(old, new, 1)
    assert ours(tmp_path, text, start__sh="#!/bin/sh\nset -e\nexec uvicorn app:app\n").empty


def test_script_that_does_not_end_in_exec_is_read(tmp_path):
    text = GOOD.replace('["uvicorn", "app:app"]', '["./start.sh"]')
    found = ours(tmp_path, text, start__sh="#!/bin/sh\nexec true || true\nuvicorn app:app\n# the end\n")
    assert found["why"].tolist() == ["start.sh does not end in exec: the shell keeps SIGTERM to itself"]


def test_continued_lines_comments_and_here_documents_are_read():
    text = """\
# syntax=docker/dockerfile:1
from a:1 as build
run --mount=type=cache,target=/x pip install \\
    # a comment between
    b==1 && \\

    true
COPY <<EOF /etc/x.conf
FROM nothing
EOF
RUN <<-'END'
USER root
END
copy --from=build --chown=1:1 ["a b", "/c"]
"""
    found = parse_dockerfile(text)
    assert [(one.line, one.name, one.stage) for one in found] == [
        (2, "FROM", 0),
        (3, "RUN", 0),
        (8, "COPY", 0),
        (11, "RUN", 0),
        (14, "COPY", 0),
    ]
    assert found[1].value == "pip install b==1 && true" and found[1].flags["mount"].startswith("type=cache")
    assert found[2].sources == [] and found[4].words == ["a b", "/c"]
    assert found[4].flags == {"from": "build", "chown": "1:1"}
    windows = parse_dockerfile("# escape=`\nFROM a `\n  AS b\nCOPY c:\\ d\n")
    assert [one.value for one in windows] == ["a AS b", "c:\\ d"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "there is no FROM"),
        ("RUN x\n", "there is no FROM"),
        ("FROM a\nRUM x\n", "line 2: 'RUM' is no instruction"),
    ],
)
def test_what_is_no_dockerfile_is_refused(tmp_path, text, told):
    with pytest.raises(ValueError, match=told):
        ours(tmp_path, text)


def test_hadolint_is_asked_and_its_ignores_do_not_silence_ours(tmp_path):
    (tmp_path / "Dockerfile").write_text(
        "# hadolint ignore=DL3025,MLE008\nFROM python:3.9\nCMD python app.py\n"
    )
    found = lint_dockerfile(tmp_path / "Dockerfile")
    assert {"DL3025", "MLE001", "MLE003", "MLE008"} <= set(found["rule"])
    assert found["line"].is_monotonic_increasing


def test_missing_hadolint_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    with pytest.raises(FileNotFoundError, match="run `make setup`"):
        hadolint_program()


def context(tmp_path, *names):
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("12345")
    return tmp_path


def test_context_names_what_is_taken_and_by_what_the_rest_is_left_out(tmp_path):
    context(
        tmp_path,
        ".env",
        ".git/config",
        "app/main.py",
        "app/x.pyc",
        "data/big.csv",
        "data/keep.csv",
        "README.md",
    )
    (tmp_path / ".dockerignore").write_text("# secrets\n.env\n/.git/\n**/*.pyc\ndata\n!data/keep.csv\n*.md\n")
    found = context_files(tmp_path).set_index("file")["ignored_by"]
    taken = found[found.isna()].index.tolist()
    assert taken == [".dockerignore", "app/main.py", "data/keep.csv"]
    assert (
        found[".git/config"] == "/.git/"
        and found["app/x.pyc"] == "**/*.pyc"
        and found["data/big.csv"] == "data"
    )
    assert context_files(tmp_path, ignore="")["ignored_by"].isna().all()
    assert context_files(tmp_path)["bytes"].sum() > 35


@pytest.mark.parametrize(
    ("pattern", "taken"),
    [
        ("*", []),
        ("*\n!app", ["app/a.py", "app/deep/b.py"]),
        ("app/*", ["a.py"]),
        ("app/**/b.py", ["a.py", "app/a.py"]),
        ("**/b.py", ["a.py", "app/a.py"]),
        ("a.p?", ["app/a.py", "app/deep/b.py"]),
        ("[a-b].py", ["app/a.py", "app/deep/b.py"]),
        ("[^a].py", ["a.py", "app/a.py", "app/deep/b.py"]),
        ("./app", ["a.py"]),
        ("ap", ["a.py", "app/a.py", "app/deep/b.py"]),
    ],
)
def test_patterns_are_those_of_docker(tmp_path, pattern, taken):
    found = context_files(context(tmp_path, "a.py", "app/a.py", "app/deep/b.py"), ignore=pattern)
    assert found[found["ignored_by"].isna()]["file"].tolist() == taken


def test_no_folder_is_told(tmp_path):
    with pytest.raises(NotADirectoryError, match="there is no folder"):
        context_files(tmp_path / "no")


def lines_rebuilt(frame: pd.DataFrame, commit: int) -> list[int]:
    return frame[(frame["commit"] == commit) & frame["rebuilt"]]["line"].tolist()


def test_layers_below_a_change_are_built_again(tmp_path):
    (tmp_path / "Dockerfile").write_text(GOOD)
    found = rebuilt(tmp_path / "Dockerfile", [["app/main.py"], ["requirements.lock"], ["README.md"]])
    assert lines_rebuilt(found, 0) == [7]
    assert lines_rebuilt(found, 1) == [3, 4, 6, 7]  # the other stage copies from this one
    assert lines_rebuilt(found, 2) == []


def test_copy_of_everything_builds_all_again_but_for_what_is_ignored(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM a\nCOPY . .\nRUN pip install -r r.txt\nCMD x\n")
    found = rebuilt(tmp_path / "Dockerfile", [["README.md"], ["notes/x.md"]], ignore="notes\n")
    assert lines_rebuilt(found, 0) == [2, 3] and lines_rebuilt(found, 1) == []
