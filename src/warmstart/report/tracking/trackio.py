"""Trackio: its own local database (`trackio show`; `TRACKIO_DIR` says where), or what the user's settings name."""

from __future__ import annotations

import contextlib
import io

from warmstart.report.tracking.base import PROJECT, Begun, Final, Measurement, finite, plain


class TrackioTracker:
    """One run of the project `warmstart`. Trackio prints where it keeps things; here that is not passed on."""

    def __init__(self, begun: Begun) -> None:
        import trackio

        name = begun.before.get("run") or begun.folder.absolute().name
        with contextlib.redirect_stdout(io.StringIO()):
            self._run = trackio.init(
                PROJECT,
                name=name,
                config=plain(begun.parameters),
                resume="allow" if begun.before else "never",
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        self.identity = {"run": self._run.name}

    def measured(self, row: Measurement) -> None:
        """One row; the step of the rung is one of its numbers."""
        self._run.log({**finite(row), f"{row.rung}/step": row.step})

    def ended(self, final: Final) -> None:
        """Figures and words as a last row. Trackio's files are for pictures and tables: none is kept."""
        self._run.log({**final.metrics, **final.words})

    def close(self, status: str) -> None:
        """Write the rest."""
        with contextlib.redirect_stdout(io.StringIO()):
            self._run.finish()
