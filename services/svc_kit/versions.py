"""Optimistic versions: an update names the version that it read."""

from svc_kit.refusals import StaleVersion


def require_version(current: int, named: int | None) -> None:
    """Raises StaleVersion with the current one where another was named; None names nothing."""
    if named is not None and named != current:
        raise StaleVersion(current_version=current, named_version=named)
