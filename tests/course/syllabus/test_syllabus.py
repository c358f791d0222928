"""The syllabus is refused, with every reason, unless it is sound."""

import pytest

from mlhelpers.course.syllabus import SyllabusError, load_syllabus


@pytest.fixture
def edited(course):
    file = course / "notebooks" / "syllabus.yml"

    def load(old, new):
        content = file.read_text()
        assert old in content
        file.write_text(content.replace(old, new, 1))
        return load_syllabus(course)

    return load


def test_lessons_come_in_order_and_are_found_by_number_and_file(course):
    syllabus = load_syllabus(course)
    assert [lesson.number for lesson in syllabus] == ["1.1", "2.1", "2.2"]
    lesson = syllabus.lesson("2.1")
    assert syllabus.by_file("notebooks/02_data/01_missing_data.ipynb") == lesson
    assert syllabus.by_file("other.ipynb") is None
    assert syllabus.after(lesson).number == "2.2"
    assert syllabus.after(syllabus.lesson("2.2")) is None


def test_unknown_number_is_told(course):
    with pytest.raises(ValueError, match=r"no lesson '9\.9'"):
        load_syllabus(course).lesson("9.9")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: Cleaning", "titel: Cleaning", r"2 > lessons > 2.2 > titel: Extra inputs"),
        ("[Count, Clean, Compare]", "[Count, Clean]", "2.2 > objectives: List should have at least 3"),
        ("read_minutes: 20", "read_minutes: twenty", "2.2 > read_minutes: Input should be a valid integer"),
        (
            "read_minutes: 20",
            "read_minutes: 50",
            "2.2 > read_minutes: Input should be less than or equal to 45",
        ),
        ("02_data/02_cleaning", "02_data/03_cleaning", "2.2: file 02_data/03_cleaning.ipynb does not match"),
        ("02_data/02_cleaning", "02_more/02_cleaning", "lesson 2.2 .* does not belong to chapter 02_data"),
        ("run_minutes: 0.1", "run_minutes: null", "1.1: a written lesson needs run_minutes"),
        ("tier: platforms", "tier: huge", "2.2 > tier: Input should be 'core' or 'platforms'"),
        ('["2.1"]', '["2.9"]', "lesson 2.2 requires 2.9, which does not exist"),
        ('["1.1"]', '["2.2"]', "prerequisites run in a circle: 2"),
        ('"2.2"', '"2.1"', "2.1: file 02_data/02_cleaning.ipynb does not match the number"),
        ("chapters:", "chapters: [", "is not valid YAML"),
        ("chapters:", "parts:", "chapters: Field required"),
    ],
)
def test_unsound_syllabus_is_told_with_lesson_and_field(edited, old, new, message):
    with pytest.raises(SyllabusError, match=message):
        edited(old, new)


def test_number_that_stands_twice_is_told(edited):
    block = '      - number: "1.1"\n        title: What it is\n'
    fields = ("file: 01_foundations/01_other.ipynb", "objectives: [a, b, c]", "read_minutes: 10")
    twice = block + "".join(f"        {field}\n" for field in fields)
    with pytest.raises(SyllabusError, match=r"lesson 1\.1 stands there twice"):
        edited(block, twice + block)


def test_empty_file_is_told(course):
    (course / "notebooks" / "syllabus.yml").write_text("")
    with pytest.raises(SyllabusError, match="file: Input should be"):
        load_syllabus(course)
