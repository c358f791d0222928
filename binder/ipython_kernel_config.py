"""What every kernel of this environment begins with.

JupyterLab copies the kernel's language_info into a notebook as soon as it is opened. Without the version of
Python it is what the lessons store, so a lesson that was only looked at is not marked as changed.
"""

from ipykernel.ipkernel import IPythonKernel

IPythonKernel.language_info = {
    key: value for key, value in IPythonKernel.language_info.items() if key != "version"
}
