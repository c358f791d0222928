"""The check-up says what is wrong and what to do."""

import json
import socket
import sys

import pytest

from mlhelpers.course.commands import doctor
from mlhelpers.course.commands.cli import main


@pytest.fixture
def locked(course):
    def write(text):
        (course / "requirements.lock").write_text(text)
        return doctor.check_up(course, short=True)

    return write


def check(report, name):
    return next(c for c in report.checks if c.name == name)


def test_lock_that_fits_is_well(locked):
    import yaml

    report = locked(f"# made by uv\npyyaml=={yaml.__version__} \\\n    --hash=sha256:00\n")
    assert check(report, "packages").status == "ok"


def test_differences_are_listed_with_what_to_do(locked):
    packages = check(locked("pyyaml==0.1\nno-such-package==1.0\n"), "packages")
    assert packages.status == "wrong"
    assert "instead of 0.1" in packages.found
    assert "no-such-package absent instead of 1.0" in packages.found
    assert "pip install -r requirements.lock" in packages.advice


def test_many_differences_are_shortened(locked):
    packages = check(locked("".join(f"no-such-{n}==1\n" for n in range(9))), "packages")
    assert packages.found.endswith("and 4 more")


def test_entries_for_other_systems_are_left_out(locked):
    report = locked("no-such-package==1.0 ; sys_platform == 'nowhere' \\\n    --hash=sha256:00\n")
    assert check(report, "packages").status == "ok"


def test_missing_lock_is_wrong(course):
    assert check(doctor.check_up(course, short=True), "packages").status == "wrong"


def test_busy_port_is_a_note_not_a_fault(locked, monkeypatch):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        monkeypatch.setattr(doctor, "PORTS", {busy.getsockname()[1]: "a service"})
        report = locked("")
    assert report.checks[-1].status == "note"
    assert "in use (a service)" in report.checks[-1].found
    assert report.ok


def test_little_memory_and_disk_are_wrong(locked, monkeypatch):
    monkeypatch.setattr(doctor, "FREE_MEMORY_GB", 10**6)
    monkeypatch.setattr(doctor, "FREE_DISK_GB", 10**6)
    report = locked("")
    assert [c.name for c in report.problems] == ["memory", "disk"]
    assert "2 to repair" in str(report)
    assert "-> close other programs" in str(report)


def test_wrong_python_is_told(locked, monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 12, 0))
    assert "needs Python 3.11" in check(locked(""), "Python").advice


def test_gpu_is_asked_of_the_driver_and_of_installed_frameworks(monkeypatch, tmp_path):
    driver = tmp_path / "nvidia-smi"
    driver.write_text("#!/bin/sh\necho 'GPU 0: Testing 1 (UUID: GPU-1)'\n")
    driver.chmod(0o755)
    (tmp_path / "torch.py").write_text("class cuda:\n    device_count = staticmethod(lambda: 2)\n")
    (tmp_path / "tensorflow.py").write_text("raise ImportError('broken')\n")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    found = doctor._gpu()
    assert found.status == "ok"
    assert found.found == "GPU 0: Testing 1, tensorflow sees no GPU, torch sees 2 GPU"


def test_machine_without_gpu_is_fine(monkeypatch):
    monkeypatch.setattr(doctor, "_has_driver", lambda: True)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda name: None)
    assert doctor._gpu().found == "none found; no lesson needs one"


def test_frameworks_are_not_asked_where_there_is_no_driver(monkeypatch):
    monkeypatch.setattr(doctor, "_has_driver", lambda: False)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor, "_ask", lambda command: pytest.fail("a framework was asked"))
    assert doctor._gpu().found == "none found; no lesson needs one"


def test_other_systems_may_have_a_gpu_without_the_drivers_command(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert doctor._has_driver()


def test_damaged_data_are_wrong_and_sound_data_are_well(monkeypatch, tmp_path):
    assert doctor._data().status == "ok"
    monkeypatch.setenv("MLE_DATA_DIR", str(tmp_path))
    assert doctor._data().status == "wrong"
    monkeypatch.setattr(
        "mlhelpers.course.commands.data.data_problems", lambda: ["a is damaged", "b is missing"]
    )
    assert doctor._data().found == "a is damaged and 1 more"


def test_installation_without_the_data_stage_is_tolerated(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlhelpers.data", None)
    assert doctor._data().status == "note"


def test_command_prints_a_table_and_returns_1_when_something_is_wrong(course, capsys):
    (course / "requirements.lock").write_text("")
    assert main(["doctor"]) == 0
    assert "all well" in capsys.readouterr().out
    (course / "requirements.lock").write_text("pyyaml==0.1\n")
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["ok"]
    assert {"system", "Python", "packages", "memory", "disk", "GPU", "data"} < {
        c["name"] for c in told["checks"]
    }


def test_lines_are_shown_as_they_are_known_and_a_person_sees_what_is_looked_at(course, capsys, monkeypatch):
    (course / "requirements.lock").write_text("")
    told = []

    def last():
        told.append(capsys.readouterr())
        return doctor.Check("data", "ok", "all there")

    monkeypatch.setattr(doctor, "_data", last)
    assert main(["doctor"]) == 0
    assert "port 5000" in told[0].out
    assert told[0].err == ""
    assert capsys.readouterr().out == "ok    data       all there\nall well\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert main(["doctor"]) == 0
    assert told[1].err.endswith("looking at data (10 of 10)")


def test_report_shows_itself_as_a_table_in_a_notebook(locked):
    table = locked("pyyaml==0.1\n")._repr_html_()
    assert table.startswith("<table>")
    assert "requirements.lock" in table
