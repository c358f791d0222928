"""People of a class: whose a name is, and what is wrong in a roster."""

import pytest

from mlhelpers.course.exercises.roster import Owner, Roster

PEOPLE = (
    "Student;Name;Email;canvas id\nlee1;Ann Lee;ann.lee@x.org;77\nmue;Müller, Jörg;jm@x.org;\n"
    "ng1;Ng Li;a@x.org;\nng2;Li Ng;b@x.org;\n"
)


@pytest.mark.parametrize(
    ("owner", "students"),
    [
        (Owner("LEE1"), ["lee1"]),
        (Owner("Lee Ann"), ["lee1"]),
        (Owner("leeann"), ["lee1"]),
        (Owner("ann.lee"), ["lee1"]),
        (Owner("somebody", canvas_id="77"), ["lee1"]),
        (Owner("Jörg Müller"), ["mue"]),
        (Owner("Jorg Muller"), ["mue"]),
        (Owner("mullerjorg", canvas_id="5"), ["mue"]),
        (Owner("Ng Li"), ["ng1"]),
        (Owner("ngli"), ["ng1", "ng2"]),
        (Owner("nobody"), []),
    ],
)
def test_roster_knows_whose_a_name_is(roster, owner, students):
    assert [person.student for person in roster(PEOPLE).find(owner)] == students


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name\nAnn\n", "roster.csv has no column 'student'; it has name"),
        ("student,phone\nann,1\n", "roster.csv has a column 'phone'"),
        ("student,student\nann,1\n", "has the column 'student' twice"),
        ("student,email\nann\n", "roster.csv line 2 has 1 values for 2 columns"),
        ("student,email\nann,a@x\nben,A@x\n", "line 3, column email: 'A@x' stands in line 2 too"),
        ("student\na/b\n", "line 2, column student: 'a/b' cannot name a folder"),
        ("student,name\n..,x\n", "cannot name a folder"),
        ("student\n", "holds no student"),
        ('student\n"a', "line 2 is no CSV"),
    ],
)
def test_fault_of_a_roster_is_told_with_its_place(roster, text, message):
    with pytest.raises(ValueError) as error:
        roster(text)
    assert message in str(error.value)


def test_roster_that_is_not_there_or_not_in_utf8(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        Roster.read(tmp_path / "nosuch.csv")
    (tmp_path / "r.csv").write_bytes("student\nJörg\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not in UTF-8"):
        Roster.read(tmp_path / "r.csv")
