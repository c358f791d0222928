"""The scaffold of an exercise keeps every rule and overwrites nothing."""

from mlhelpers.course.commands.cli import main
from mlhelpers.course.exercises.rules import check_source


def test_scaffold_keeps_every_rule_and_never_overwrites(exercise, capsys):
    check_source(exercise)
    assert main(["exercise", "new", "2.1"]) == 1
    assert "exists already" in capsys.readouterr().err
