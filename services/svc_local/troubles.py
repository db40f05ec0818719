"""What may go wrong on a machine that we do not know: said in one sentence that names what to do."""

import errno
import getpass
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Trouble(Exception):
    """The caller prints the sentence and ends with status 1; no stack is shown."""


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns the faults of a file system under `path` into a `Trouble`."""
    try:
        yield
    except OSError as fault:
        sentence = sentence_of(fault, path)
        if sentence is None:
            raise
        raise Trouble(sentence) from fault


def sentence_of(fault: OSError, path: Path) -> str | None:
    """One sentence for a full disk or files of another user; None for anything else."""
    place = Path(os.fsdecode(fault.filename)) if isinstance(fault.filename, str | bytes) else path
    if fault.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"The disk that holds {path} is full: free some space there (`df -h {path}` shows it) and try again."
    if fault.errno in (errno.EACCES, errno.EPERM):
        return (
            f"{place} belongs to {owner_of(place)} and you are {user_name()}: run as that user, or take it over with "
            f"`sudo chown -R {user_name()} {path}`."
        )
    if fault.errno == errno.EROFS:
        return f"{path} is on a read-only file system: use a clone on a disk that can be written."
    return None


def owner_of(path: Path) -> str:
    """The name of the owner of the nearest existing ancestor of `path`."""
    for candidate in (path, *path.parents):
        try:
            return candidate.owner()
        except KeyError:
            return f"user {candidate.stat().st_uid}"
        except OSError:
            continue
    return "another user"


def user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def refuse_files_of_others(folder: Path) -> None:
    """Before work begins in `folder`: its files are ours, or nothing is touched.

    Raises: Trouble when the folder (or its nearest existing parent) cannot be written by this user.
    """
    place = next(candidate for candidate in (folder, *folder.parents) if candidate.exists())
    if not os.access(place, os.W_OK | os.X_OK):
        raise Trouble(
            f"{place} belongs to {owner_of(place)} and you are {user_name()}: run as that user, or take it over with "
            f"`sudo chown -R {user_name()} {place}`."
        )
