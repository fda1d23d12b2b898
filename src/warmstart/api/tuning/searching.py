"""The search: recipes are drawn by what those before reached on validation; what is held out is not looked at."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warmstart.api.comparing.contest import Contest
from warmstart.engine.deadline import Deadline
from warmstart.engine.events import Advanced, Decided, Finished, Listener, Started
from warmstart.engine.interrupt import Interrupt
from warmstart.engine.trials.contender import Contestant
from warmstart.engine.trials.folds import Fold
from warmstart.engine.trials.trial import Trial, load, run_trial, save
from warmstart.errors import Interrupted, MissingExtraError
from warmstart.evaluation.comparison import Searched
from warmstart.recipe.recipe import Recipe
from warmstart.recipe.search import Choice, Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial as Draw

WHAT = "search"
FIRST = 5
"""Recipes that are drawn at random before the sampler goes by what it has seen."""
PATIENCE = 10
"""Draws in a row that were tried before, after which a small space counts as searched."""


@dataclasses.dataclass
class Search:
    """One search. `done` are trials by the recipe's name, the default first; `reserve` seconds stay for the finalists'
    other draws, each of which costs what a trial of them has cost.
    """

    space: Space
    contest: Contest
    folder: Path
    deadline: Deadline
    interrupt: Interrupt
    listener: Listener
    detail: Listener
    seed: int
    again: int
    reserve: float
    done: dict[str, Trial] = dataclasses.field(default_factory=dict)
    recipes: dict[str, Recipe] = dataclasses.field(default_factory=dict)

    def run(self, trials: int) -> None:
        """The default, and then up to `trials` recipes of the space, as far as the time goes.

        The same seed draws the same recipes, so a search that goes on finds the trials it has finished.
        """
        self.listener(Started(WHAT, trials + 1))
        self._tried(self.space.default)
        study, repeated = _study(self.seed), 0
        if (known := self.space.default_values()) is not None:
            study.enqueue_trial(known)
        while len(self.done) <= trials and repeated < PATIENCE and self._time_left():
            draw = study.ask()
            recipe = self.space.recipe(_values(draw, self.space))
            repeated = repeated + 1 if recipe.name in self.done else 0
            trial = self._tried(recipe)
            if trial.stopped:
                break
            study.tell(draw, None if trial.failed else trial.val, state=_state(trial))
        self.listener(Finished(WHAT))
        if repeated == PATIENCE:
            self.listener(Decided(f"the space holds little more than the {len(self.done)} recipes that were tried"))
        elif len(self.done) <= trials:
            self.listener(Decided(f"the budget was over after {len(self.done)} of {trials + 1} recipes"))

    @property
    def best(self) -> str:
        """Name of the recipe that was best on validation; of equals the first, so the default where it is one."""
        whole = {name: trial for name, trial in self.done.items() if not trial.failed and not trial.stopped}
        return max(whole, key=lambda name: whole[name].val) if whole else self.space.default.name

    def rows(self) -> tuple[Searched, ...]:
        """What was tried, in order."""
        return tuple(
            Searched(name, None if trial.failed or trial.stopped else trial.val, trial.seconds, trial.failed)
            for name, trial in self.done.items()
        )

    def _time_left(self) -> bool:
        finalists = {self.space.default.name, self.best}
        later = self.again * sum(self.done[name].seconds for name in finalists)
        return self.deadline.left() > self.reserve + later + max(trial.seconds for trial in self.done.values())

    def _tried(self, recipe: Recipe) -> Trial:
        """The trial of a recipe: that of before, where there is one."""
        if recipe.name in self.done:
            return self.done[recipe.name]
        if self.interrupt.stopped:
            raise Interrupted(f"stopped after {len(self.done)} recipes, which are kept")
        place = self.folder / "trials" / f"{len(self.done):03d}"
        one = self.contestant(recipe)
        trial = self.tried_on(one, self.contest.folds.every[0], place)
        self.done[recipe.name], self.recipes[recipe.name] = trial, recipe
        self.listener(Advanced(WHAT))
        return trial

    def contestant(self, recipe: Recipe) -> Contestant:
        """A recipe as one that can be compared."""
        (uri,) = self.contest.contexts
        return Contestant(recipe.name, recipe.name, uri, recipe, fixed=True)

    def tried_on(self, one: Contestant, fold: Fold, place: Path) -> Trial:
        """The trial on a fold, which is kept in `place`; one that is there whole is not trained again."""
        before = load(place)
        if before is not None and not before.stopped:
            return before
        context = dataclasses.replace(
            self.contest.contexts[one.backbone],
            deadline=Deadline(max(0.0, self.deadline.left() - self.reserve)),
            interrupt=self.interrupt,
            listener=self.detail,
            folder=place / "work",
        )
        trial = run_trial(one, fold, context, context.task.primary_metric)
        save(place, trial)
        return trial


def require() -> None:
    """Raise `MissingExtraError` where optuna is not installed."""
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("searching a recipe's numbers", "tune") from error


def _study(seed: int) -> Study:
    """Tree-structured Parzen estimators (Bergstra et al. 2011), by optuna."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=FIRST)
    return optuna.create_study(direction="maximize", sampler=sampler)


def _values(draw: Draw, space: Space) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, over in space.searched.items():
        if isinstance(over, Choice):
            found[name] = draw.suggest_categorical(name, over.values)
        elif over.whole:
            found[name] = draw.suggest_int(name, int(over.low), int(over.high), log=over.log)
        else:
            found[name] = draw.suggest_float(name, over.low, over.high, log=over.log)
    return found


def _state(trial: Trial) -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL if trial.failed else TrialState.COMPLETE
