"""Lessons: made from the syllabus, executed, stored in normal form, checked against the rules of style."""
