"""A plain fine-tune of the sentence encoder with transformers' Trainer, as its text classification guide has it.

All layers train at the Trainer's defaults (AdamW, 5e-5, falling linearly, batches of 8). A fifth of the training texts,
one of each class at least, is held out, and the epoch that is best on it is taken.
"""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    EvalPrediction,
    Trainer,
    TrainingArguments,
    set_seed,
)

from benchmarks.contenders import job as jobs
from benchmarks.contenders.minilm import PACKAGE, folder, texts, training

HELD_OUT = 0.2
Rows = list[dict[str, Any]]


def accuracy(found: EvalPrediction) -> dict[str, float]:
    """Share of the held-out texts that are named correctly."""
    return {"accuracy": float((np.asarray(found.predictions).argmax(1) == found.label_ids).mean())}


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    set_seed(job.seed)
    classes = len(job.classes())
    tokenizer = AutoTokenizer.from_pretrained(folder())
    model = AutoModelForSequenceClassification.from_pretrained(folder(), num_labels=classes)

    def rows(given: list[str], labels: list[int]) -> Rows:
        read = tokenizer(given, truncation=True, max_length=job.tokens)
        return [{"input_ids": ids, "labels": label} for ids, label in zip(read["input_ids"], labels, strict=True)]

    train, y = training(job)
    count = max(classes, round(HELD_OUT * len(y)))
    fit, held_out = train_test_split(rows(train, y.tolist()), test_size=count, stratify=y, random_state=job.seed)
    with tempfile.TemporaryDirectory() as place:
        arguments = TrainingArguments(
            output_dir=place,
            num_train_epochs=job.epochs,
            eval_strategy="epoch",
            save_strategy="epoch",
            save_total_limit=1,
            load_best_model_at_end=True,
            metric_for_best_model="accuracy",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
            seed=job.seed,
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=fit,
            eval_dataset=held_out,
            data_collator=DataCollatorWithPadding(tokenizer),
            compute_metrics=accuracy,
        )
        trainer.train()
        files = job.test_files()
        scores = trainer.predict(rows(texts(files), [0] * len(files))).predictions
    job.answer(
        zip(files, [job.classes()[i] for i in np.asarray(scores).argmax(1)], strict=True),
        packages=["transformers", "accelerate", "torch", PACKAGE],
        epochs=job.epochs,
    )


if __name__ == "__main__":
    main()
