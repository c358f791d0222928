"""Every term is explained once and linked where it is defined."""

from mlhelpers.course.syllabus.glossary import load_glossary, problems


def test_glossary_and_its_links_are_in_order():
    assert list(problems()) == []


def test_definitions_are_short():
    assert {term.term for term in load_glossary() if len(term.text.split()) > 60} == set()
