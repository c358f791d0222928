"""Program that puts a command into a sandbox and then becomes it; started by `sandbox`, imports nothing else.

Run as ``python -I -S confine.py SETTINGS COMMAND...``. What the machine does not allow ends it with code 97.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys
import time

NEW_MOUNTS, NEW_IPC, NEW_USER, NEW_PIDS, NEW_NET = 0x20000, 0x08000000, 0x10000000, 0x20000000, 0x40000000
READ_ONLY, NO_SUID, NO_DEV, REMOUNT, BIND, MOVE, RECURSIVE, PRIVATE = 1, 2, 4, 32, 4096, 8192, 16384, 1 << 18
SET_PDEATHSIG, SET_DUMPABLE, CAPBSET_DROP, SET_NO_NEW_PRIVS = 1, 4, 24, 38
MOUNT_SETATTR, HERE, ATTR_RECURSIVE, ATTR_READ_ONLY = 442, -100, 0x8000, 1
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
REFUSED = 97


def main(arguments: list[str]) -> None:
    """Confine this process as the settings say and run the command in its place."""
    settings = json.loads(arguments[0])
    try:
        if settings["namespaces"]:
            _enter_namespaces(settings)
        limit(settings)
        if settings["user"] is not None:
            os.setgroups([])
            os.setresgid(settings["user"], settings["user"], settings["user"])
            os.setresuid(settings["user"], settings["user"], settings["user"])
        if settings["namespaces"] or settings["user"] is not None:
            _give_up_privileges()
        os.chdir(settings["work"])
    except OSError as error:
        print(f"confine: {error}", file=sys.stderr)
        sys.exit(REFUSED)
    if settings["namespaces"]:
        os.environ.pop("JPY_PARENT_PID", None)  # the kernel cannot see that process
    os.execv(arguments[1], arguments[1:])


def limit(settings: dict) -> None:
    """Set the limits that hold for each process."""
    with contextlib.suppress(ImportError):
        import resource

        limits = {
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": settings["file_bytes"],
            "RLIMIT_DATA": settings["memory_bytes"] if sys.platform == "linux" else None,
            "RLIMIT_NPROC": settings["processes"],
        }
        for name, value in limits.items():
            if value is not None and hasattr(resource, name):
                kind = getattr(resource, name)
                hard = resource.getrlimit(kind)[1]
                top = value if hard == resource.RLIM_INFINITY else min(value, hard)
                with contextlib.suppress(OSError, ValueError):
                    resource.setrlimit(kind, (top, top))


def _enter_namespaces(settings: dict) -> None:
    libc = ctypes.CDLL(None, use_errno=True)

    def call(name: str, *values) -> None:
        if getattr(libc, name)(*values) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{name}: {os.strerror(number)}")

    def mount(source, target, kind=None, flags=0, data=None) -> None:
        texts = [None if x is None else os.fsencode(x) for x in (source, target, kind)]
        call("mount", *texts, ctypes.c_ulong(flags), None if data is None else data.encode())

    uid, gid = os.getuid(), os.getgid()
    flags = NEW_MOUNTS | NEW_IPC | NEW_PIDS | NEW_NET
    if uid != 0:
        call("unshare", NEW_USER)
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
    call("unshare", flags)
    _continue_as_first_process(libc)
    with contextlib.suppress(OSError):
        _loopback()
    mount("none", "/", None, RECURSIVE | PRIVATE)
    root = settings["root"]
    mount("tmpfs", root, "tmpfs", NO_SUID | NO_DEV, "mode=0755,size=64m")

    def show(path: str, flags: int, place: str | None = None) -> None:
        target = root + (place or path)
        if os.path.islink(path):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not os.path.lexists(target):
                os.symlink(os.readlink(path), target)
            return
        if os.path.isdir(path):
            os.makedirs(target, exist_ok=True)
        else:
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if not os.path.exists(target):
                open(target, "w").close()
        mount(path, target, None, BIND | RECURSIVE)
        if flags & READ_ONLY:
            _read_only(libc, mount, target)

    for path, size in (("/dev/shm", "256m"), ("/tmp", "512m")):
        os.makedirs(root + path, exist_ok=True)
        mount("tmpfs", root + path, "tmpfs", NO_SUID | NO_DEV, f"mode=1777,size={size}")
    for path in settings["readable"]:
        if os.path.lexists(path):
            show(path, READ_ONLY)
    for name in DEVICES:
        if os.path.exists(f"/dev/{name}"):
            show(f"/dev/{name}", 0)
    for name, source in (
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
    ):
        os.symlink(source, f"{root}/dev/{name}")
    os.symlink("/proc/self/fd/2", f"{root}/dev/stderr")
    show(settings["folder"], 0)
    os.makedirs(f"{root}/proc", exist_ok=True)
    with contextlib.suppress(OSError):  # containers refuse it
        mount("proc", f"{root}/proc", "proc", NO_SUID | NO_DEV)
    os.chdir(root)
    mount(root, "/", None, MOVE)
    os.chroot(".")
    os.chdir("/")
    mount("tmpfs", "/", None, REMOUNT | READ_ONLY | NO_SUID | NO_DEV)


def _read_only(libc, mount, target: str) -> None:
    """Make a mount and all below it read-only; old kernels do so for the top one only."""
    attributes = struct.pack("QQQQ", ATTR_READ_ONLY, 0, 0, 0)
    path = os.fsencode(target)
    if libc.syscall(MOUNT_SETATTR, HERE, path, ATTR_RECURSIVE, attributes, len(attributes)) != 0:
        mount(None, target, None, REMOUNT | BIND | READ_ONLY)


def _continue_as_first_process(libc) -> None:
    """Go on in a child, which is process 1 of the new namespace; this one waits for it and ends with it."""
    child = os.fork()
    if child == 0:
        libc.prctl(SET_PDEATHSIG, signal.SIGKILL)
        return
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda got, frame: os.kill(child, got))
    grader = os.getppid()
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            break
        if os.getppid() != grader:  # nobody waits for this one any more
            os.kill(child, signal.SIGKILL)
        time.sleep(0.1)
    os._exit(os.waitstatus_to_exitcode(status) & 0xFF)


def _loopback() -> None:
    """Switch on the loopback device of a new network: an answer may talk to a server of its own."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as device:
        fcntl.ioctl(device, 0x8914, struct.pack("16sh14x", b"lo", 1 | 64))


def _give_up_privileges() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in range(64):
        if libc.prctl(CAPBSET_DROP, capability, 0, 0, 0) != 0:
            break
    header = struct.pack("Ii", 0x20080522, 0)
    libc.capset(header, bytes(24))
    libc.prctl(SET_NO_NEW_PRIVS, 1, 0, 0, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
