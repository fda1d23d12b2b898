"""Weights & Biases: kept in the run's folder and sent nowhere unless `WANDB_MODE` says so; `wandb sync` sends."""

from __future__ import annotations

import os
import uuid

from warmstart.report.tracking.base import PROJECT, Begun, Final, Measurement, finite, plain


class WandbTracker:
    """One run of the project `warmstart`, or of the one that `WANDB_PROJECT` names.

    Steps are a number of each rung's own, so that the curves of rungs begin together and a run that is gone on with
    does not have to continue a count. Nothing is kept of the machine, its console or the code that lies around.
    """

    def __init__(self, begun: Begun) -> None:
        import wandb

        name = begun.before.get("run") or uuid.uuid4().hex[:12]
        self._run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=name,
            name=begun.folder.name,
            dir=str(begun.folder),
            mode=None if os.environ.get("WANDB_MODE") else "offline",
            resume="allow",
            config=plain(begun.parameters),
            settings=wandb.Settings(
                silent=True,
                console="off",
                disable_git=True,
                disable_code=True,
                x_disable_stats=True,
                x_disable_meta=True,
                x_disable_machine_info=True,
                x_save_requirements=False,
            ),
        )
        self._rungs = set[str]()
        self.identity = {"run": name}

    def measured(self, row: Measurement) -> None:
        """One row, over the step of its rung."""
        step = f"{row.rung}/step"
        if row.rung not in self._rungs:
            self._rungs.add(row.rung)
            self._run.define_metric(step, hidden=True)
            self._run.define_metric(f"{row.rung}/*", step_metric=step)
        self._run.log({**finite(row), step: row.step})

    def ended(self, final: Final) -> None:
        """Figures and words in the summary, files as artifacts."""
        import wandb

        self._run.summary.update({**final.metrics, **final.words})
        for name, path in final.files.items():
            artifact = wandb.Artifact(f"{self._run.id}-{path.stem}", type="model" if name == "bundle" else "report")
            for file in (one for one in (path.rglob("*") if path.is_dir() else (path,)) if one.is_file()):
                artifact.add_file(str(file), name=file.relative_to(path.parent).as_posix())
            self._run.log_artifact(artifact)

    def close(self, status: str) -> None:
        """Write the rest."""
        self._run.finish(exit_code=0 if status == "finished" else 1)
