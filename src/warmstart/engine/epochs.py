"""The epochs of a phase: train, validate, keep the best, save, and know when to stop."""

from __future__ import annotations

import time

from warmstart.engine import freeze
from warmstart.engine.checkpoint import PhaseFolder, ensure_space
from warmstart.engine.concerns import Concerns
from warmstart.engine.context import Context
from warmstart.engine.data import RunData
from warmstart.engine.events import Advanced, Decided, Finished, Measured, Started
from warmstart.engine.feed import Feed
from warmstart.engine.guard import Guard
from warmstart.engine.score import Best, Validation, better
from warmstart.engine.seeds import derive
from warmstart.engine.statistics import settle
from warmstart.engine.stepper import Stepper
from warmstart.engine.training import Training
from warmstart.engine.watch import NonFiniteError
from warmstart.errors import Interrupted
from warmstart.evaluation.outcome import CurveRow
from warmstart.recipe.aligning import TargetStep

SAVE_EVERY = 15.0  # seconds of work that a kill -9 may cost; saving more often would cost more than it saves


class Epochs:
    """Runs the epochs that are left of a `Training`."""

    def __init__(
        self,
        training: Training,
        stepper: Stepper,
        feed: Feed,
        best: Best,
        data: RunData,
        context: Context,
        files: PhaseFolder | None,
    ) -> None:
        self.training, self.stepper, self.feed, self.best = training, stepper, feed, best
        self.context, self.files = context, files
        self.phase = training.plan.phase
        self.what = f"phase {self.phase.name}"
        self._targets = data.targets(data.split.val, training.plan.size)
        self._guard = Guard(context.listener)
        aligned = isinstance(self.phase, TargetStep)  # a loss of several, one of which comes in on the way
        self._concerns = Concerns(self.phase.name, context.listener, losses=not aligned)
        self._saved = time.monotonic()
        self._epoch_seconds = self._validation_seconds = 0.0  # of the last epoch in this process

    def run(self) -> str:
        """Train until something ends the phase, and say what, in the words of `PhaseResult.stopped`."""
        started = time.monotonic()
        done = self.training.progress.epoch * self.feed.steps_per_epoch + self.training.progress.batch
        self.context.listener(Started(self.what, self.training.total))
        self.context.listener(Advanced(self.what, done))
        if self.files is not None and not self.training.progress.finished:
            self.files.folder.mkdir(parents=True, exist_ok=True)
            ensure_space(self.files.folder, 4 * self.training.record_bytes)  # last, previous, best, temporary
        if self.phase.early_stopping is not None and not self._judges:
            self.context.listener(Decided(f"{self.phase.name}: no early stopping, for want of validation data"))
        stopped = self._epochs()
        if not self._judges:
            self.best = Best(None, self.training.progress.epoch, self.training.result(), unsaved=True)
        self._save_best()
        self.context.listener(Finished(self.what, time.monotonic() - started))
        return stopped

    @property
    def _judges(self) -> bool:
        """Whether anything says which epoch is the best."""
        return self.feed.validates or self.phase.watch == "training"

    def _epochs(self) -> str:
        while not self.training.progress.finished:
            if self._too_late():
                return "deadline"
            try:
                whole = self._train()
            except NonFiniteError as error:
                self.stepper.watch.forget()
                self._guard.roll_back(self.training, error)
                continue
            if not whole:
                self._stop_within_epoch()
                return "deadline"
            self._close()
        return self.training.progress.finished

    def _train(self) -> bool:
        """Train what is left of the epoch under way; False if the deadline cut it short."""
        training, context = self.training, self.context
        progress, per_epoch = training.progress, self.feed.steps_per_epoch
        freeze.apply(training.network, training.plan)
        self._guard.keep(training)
        before, began = progress.seconds, time.monotonic()
        for batch in self.stepper.batches(progress.epoch, skip=progress.batch):
            progress.seconds = before + time.monotonic() - began
            if context.interrupt.stopped:
                self._hear()
                self._interrupted()
            if context.deadline.left() <= self._validation_seconds:
                self._hear()
                return False
            step = progress.epoch * per_epoch + progress.batch
            training.set_rates(step)
            self.stepper.begin(batch, derive(context.seed, self.phase.name, step))
            if training.average is not None:
                training.average.update(training.network)
            progress.batch += 1
            progress.loss += self.stepper.watch.told()
            progress.samples += batch.samples
            context.listener(Advanced(self.what))
        self._hear()
        progress.seconds = before + time.monotonic() - began
        if not training.finite():  # an overflow in the very last step shows in no loss
            raise NonFiniteError("weights are not finite after the epoch")
        return True

    def _hear(self) -> None:
        """Wait for the losses of all steps that were begun."""
        self.stepper.watch.settle()
        self.training.progress.loss += self.stepper.watch.told()

    def _close(self) -> None:
        """Measure the epoch, count it, and decide whether it was the last one."""
        progress = self.training.progress
        self._epoch_seconds = progress.seconds
        self._measure()
        self._epoch_seconds += self._validation_seconds
        progress.end_epoch()
        if progress.epoch >= self.phase.epochs:
            progress.finished = "all epochs"
        elif self.phase.early_stopping is not None and progress.waited >= self.phase.early_stopping:
            progress.finished = "early stopping"
            text = f"{self.phase.name}: stopped after epoch {progress.epoch}, no better for {progress.waited} epochs"
            self.context.listener(Decided(text))
        elif self.phase.enough is not None and progress.rows[-1].values["train_loss"] <= self.phase.enough:
            progress.finished = "loss low enough"
            text = f"{self.phase.name}: ended after epoch {progress.epoch}, its loss is at most {self.phase.enough:g}"
            self.context.listener(Decided(text))
        self._save(always=bool(progress.finished))

    def _measure(self) -> None:
        """One row of the learning curve, and all that depends on its score."""
        progress, training = self.training.progress, self.training
        loss = progress.loss / max(1, progress.samples)
        step = progress.epoch * self.feed.steps_per_epoch + progress.batch
        if self._judges:
            settle(self.stepper.suffix, self.stepper.seen(progress.epoch), step)
        validation = self._validated() if self.feed.validates else None
        judged = validation
        if self.phase.watch == "training":
            judged = Validation.of_loss(None if validation is None else validation.outputs, loss)
        if judged is not None:
            self.best.offer(judged, progress.epoch + 1, training.result)
            progress.waited += 1
            if better(judged.score, progress.best):
                progress.best, progress.waited = judged.score, 0
        values = {"train_loss": loss} | (validation.values if validation is not None else {})
        values |= {
            "rate": training.set_rates(max(0, step - 1)),
            "seconds": progress.seconds,
            "images_per_second": progress.samples / max(progress.seconds, 1e-9),
        }
        if self.phase.schedule == "plateau":
            training.plateau.update(-loss if judged is None else -judged.loss)
        progress.rows.append(CurveRow(self.phase.name, progress.epoch + 1, step, values))
        self.context.listener(Measured(self.context.rung, self.phase.name, progress.epoch + 1, step, values))
        self._concerns.look(progress.rows, None if validation is None else validation.outputs, self._targets)

    def _validated(self) -> Validation:
        began = time.monotonic()
        with self.training.evaluated():
            validation = self.stepper.validated(self.context.task, self._targets)
        self._validation_seconds = time.monotonic() - began
        return validation

    def _too_late(self) -> bool:
        """Whether the next epoch, measured by the last one, would end after the deadline."""
        left, progress = self.context.deadline.left(), self.training.progress
        late = left <= 0 or (progress.epoch > 0 and self._epoch_seconds > left)
        if late:
            text = f"an epoch takes about {self._epoch_seconds:.1f} s and {left:.1f} s are left"
            self._tell_deadline(text if self._epoch_seconds else "no time is left")
            self._save(always=True)
        return late

    def _stop_within_epoch(self) -> None:
        """Save where training stands, then see whether the part of an epoch was good for something."""
        progress = self.training.progress
        self._tell_deadline(f"time is over after batch {progress.batch} of epoch {progress.epoch + 1}")
        self._save(always=True)
        whole_only = self.phase.watch == "training" and self.best.epoch > 0  # another loss is of other samples
        if progress.batch > 0 and self.training.finite() and not whole_only:
            self._measure()

    def _tell_deadline(self, why: str) -> None:
        done, epochs = self.training.progress.epoch, self.phase.epochs
        text = f"{self.phase.name}: stopped by the deadline after {done} of {epochs} epochs, {why}"
        self.context.listener(Decided(f"{text}; the best so far is kept", {"epochs": done}))

    def _interrupted(self) -> None:
        self._save(always=True)
        where = f"{self.phase.name}, epoch {self.training.progress.epoch + 1}, batch {self.training.progress.batch}"
        saved = "saved" if self.files is not None else "nothing is saved without a folder"
        raise Interrupted(f"stopped in {where}; {saved}")

    def _save(self, *, always: bool) -> None:
        if self.files is None or not (always or time.monotonic() - self._saved >= SAVE_EVERY):
            return
        self._save_best()
        self.files.save_last(self.training.capture(full=True))
        self._saved = time.monotonic()

    def _save_best(self) -> None:
        if self.files is not None and self.best.unsaved:
            self.files.save_best(self.best.record())
            self.best.unsaved = False
