import subprocess

from mlhelpers.training import git_commit
from mlhelpers.training.tracking import git_dirty


def git(folder, *arguments):
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_commit_of_a_repository_and_none_outside(tmp_path):
    assert git_commit(tmp_path) is None
    git(tmp_path, "init")
    assert git_commit(tmp_path) is None
    git(tmp_path, "commit", "--allow-empty", "-m", "first")
    assert git_commit(tmp_path) == git(tmp_path, "rev-parse", "HEAD")


def test_no_git_is_no_error(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git_commit() is None


def test_dirty_means_that_a_tracked_file_differs(tmp_path):
    assert git_dirty(tmp_path) is None
    git(tmp_path, "init")
    (tmp_path / "a.txt").write_text("a")
    git(tmp_path, "add", "a.txt")
    git(tmp_path, "commit", "-m", "first")
    (tmp_path / "untracked.txt").write_text("b")
    assert git_dirty(tmp_path) is False
    (tmp_path / "a.txt").write_text("changed")
    assert git_dirty(tmp_path) is True
