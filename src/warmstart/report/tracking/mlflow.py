"""MLflow: where `MLFLOW_TRACKING_URI` says, else in a folder of the run (`mlflow ui --backend-store-uri ...`)."""

from __future__ import annotations

import os
import time

from warmstart.report.tracking.base import PROJECT, Begun, Final, Measurement, finite, plain

_LONGEST = 500
"""Letters of a parameter's value that every store takes (file stores and databases of MLflow 2 and 3)."""
_STATUS = {"finished": "FINISHED", "stopped": "KILLED", "failed": "FAILED"}


class MlflowTracker:
    """One run of the experiment `warmstart`, or of the one that `MLFLOW_EXPERIMENT_NAME` names."""

    def __init__(self, begun: Begun) -> None:
        from mlflow import MlflowClient

        uri = os.environ.get("MLFLOW_TRACKING_URI") or (begun.folder / "mlruns").absolute().as_uri()
        if uri.startswith("file:"):  # of MLflow 3, which would rather have a database: that needs more than the client
            os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
        self._client = MlflowClient(tracking_uri=uri)
        self._run = begun.before.get("run") or self._begin(begun)
        self._client.update_run(self._run, status="RUNNING")
        self.identity = {"run": self._run, "uri": uri}

    def _begin(self, begun: Begun) -> str:
        from mlflow.entities import Param

        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        there = self._client.get_experiment_by_name(name)
        experiment = there.experiment_id if there is not None else self._client.create_experiment(name)
        run = str(self._client.create_run(experiment, run_name=begun.folder.name).info.run_id)
        parameters = [Param(key, str(value)[:_LONGEST]) for key, value in plain(begun.parameters).items()]
        for start in range(0, len(parameters), 100):  # as many as one request may carry
            self._client.log_batch(run, params=parameters[start : start + 100])
        return run

    def measured(self, row: Measurement) -> None:
        """One metric for each number, at its step."""
        self._log(finite(row), row.step)

    def _log(self, values: dict[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [Metric(_name(name), value, now, step) for name, value in values.items()]
        for start in range(0, len(metrics), 1000):
            self._client.log_batch(self._run, metrics=metrics[start : start + 1000])

    def ended(self, final: Final) -> None:
        """Metrics, the words as tags, and files."""
        from mlflow.entities import RunTag

        self._log(final.metrics, 0)
        self._client.log_batch(self._run, tags=[RunTag(f"warmstart.{key}", text) for key, text in final.words.items()])
        for name, path in final.files.items():
            if path.is_dir():
                self._client.log_artifacts(self._run, str(path), name)
            else:
                self._client.log_artifact(self._run, str(path))

    def close(self, status: str) -> None:
        """End the run."""
        self._client.set_terminated(self._run, status=_STATUS[status])


def _name(name: str) -> str:
    """As MLflow takes it: letters, digits, `_`, `-`, `.`, space, `:` and `/`."""
    return "".join(letter if letter.isalnum() or letter in "_-. /" else "-" for letter in name)
