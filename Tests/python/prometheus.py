"""Where Prometheus's own checker is."""

import pathlib
import shutil

UNPACKED = pathlib.Path(__file__).parents[2] / ".build/promtool/usr/bin/promtool"


def promtool():
    """Debian's `promtool`: installed, or unpacked by `make test`, so that no Prometheus is started for it."""
    path = shutil.which("promtool") or (str(UNPACKED) if UNPACKED.exists() else None)
    assert path, "promtool is missing: `make test` unpacks it from Debian's package prometheus"
    return path
