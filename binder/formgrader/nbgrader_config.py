"""nbgrader on the exercises of one chapter, as `make lab CHAPTER=2` opens it.

What it makes is ignored by git: exercises/*/release belongs to `mle exercise release`.
"""

import os

from mlhelpers.course.exercises.nbgrader import FEEDBACK, RELEASE

c = get_config()  # noqa: F821
c.CourseDirectory.root = os.environ["MLE_CHAPTER_FOLDER"]
c.CourseDirectory.release_directory = "handed_out"
c.GenerateAssignment.preprocessors = list(RELEASE)
c.GenerateFeedback.preprocessors = list(FEEDBACK)
