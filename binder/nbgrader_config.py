"""Empty: JupyterLab's extensions of nbgrader warn at each start when there is no file of this name.

One in a course folder, such as exercises/02_data, is read after it and wins.
"""
