"""Who holds a port that we need, and which offset would be free."""

import contextlib
import socket
from collections.abc import Iterable, Mapping

import psutil

from svc_local.layout import OFFSET_MAX, OFFSET_STEP, Ports
from svc_local.processes import HOST
from svc_local.troubles import Trouble

BACKLOG = 2048


def listening_sockets(wanted: Mapping[str, int]) -> dict[str, socket.socket]:
    """One listening socket per name: a request that comes before its process waits in the queue.

    Raises: Trouble naming every port that is taken.
    """
    sockets: dict[str, socket.socket] = {}
    for name, port in wanted.items():
        holder = try_bind(port)
        if holder is not None:
            holder.listen(BACKLOG)
            sockets[name] = holder
    if len(sockets) < len(wanted):
        for holder in sockets.values():
            holder.close()
        refuse({name: port for name, port in wanted.items() if name not in sockets})
    return sockets


def refuse_busy(wanted: Mapping[str, int]) -> None:
    """For servers that bind their ports themselves."""
    for holder in listening_sockets(wanted).values():
        holder.close()


def try_bind(port: int) -> socket.socket | None:
    holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((HOST, port))
    except OSError:
        holder.close()
        return None
    return holder


def refuse(busy: Mapping[str, int]) -> None:
    sentences = []
    for name, port in busy.items():
        pid = holder_of(port)
        if pid is None:
            sentences.append(f"Port {port} ({name}) is in use by a process that is not yours.")
        else:
            sentences.append(f"Port {port} ({name}) is in use by process {pid} ({name_of(pid)}): `kill {pid}` ends it.")
    offset = free_offset()
    advice = f"Or type `make up YUNYING_PORT_OFFSET={offset}`, which moves every port." if offset else ""
    raise Trouble("\n".join([*sentences, advice]).strip())


def free_offset(offsets: Iterable[int] = range(OFFSET_STEP, OFFSET_MAX, OFFSET_STEP)) -> int | None:
    """The first offset at which every port is free now."""
    for offset in offsets:
        sockets = [try_bind(port) for port in Ports(offset).all().values()]
        for holder in sockets:
            if holder is not None:
                holder.close()
        if all(sockets):
            return offset
    return None


def holder_of(port: int) -> int | None:
    """The process that listens there; None where the system does not tell us."""
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and tuple(connection.laddr)[1:] == (port,):
                return connection.pid
    return None


def name_of(pid: int) -> str:
    try:
        return str(psutil.Process(pid).name())
    except psutil.Error:
        return "?"
