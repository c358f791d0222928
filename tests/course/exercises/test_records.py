"""Kept results of a run: half a line is dropped, every part of the key counts."""

from mlhelpers.course.exercises.grading import Grading, Task
from mlhelpers.course.exercises.records import Records, record_key


def test_half_a_line_of_a_killed_run_is_dropped(two, tmp_path):
    path = tmp_path / "r.jsonl"
    grading = Grading(two[0], (Task("a", "Task ü", 1.5, 2.0, "why"),), ("note",))
    records = Records(path)
    records.add("k1", grading, None)
    records.add("k2", grading, "page")
    path.write_bytes(path.read_bytes()[:-20])
    again = Records(path)
    assert again.get("k1", two[0]) == (grading, None)
    assert again.get("k2", two[0]) is None
    assert path.read_bytes().count(b"\n") == 1
    again.add("k2", grading, "page")
    assert Records(path).get("k2", two[0])[0] == grading
    assert list(tmp_path.glob(".r*")) == []


def test_key_tells_every_part_apart():
    keys = {
        record_key(*parts)
        for parts in ((b"a", b"", "s"), (b"", b"a", "s"), (b"a", b"", "t"), (b"", b"", "s"))
    }
    assert len(keys) == 4
