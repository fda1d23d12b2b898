"""SetFit (Tunstall et al. 2022): contrastive tuning on pairs of texts, then logistic regression, all at its defaults.

Its default is every pair once, those of the rarer kind repeated, which of 500 texts are 200,000 and a night on two
cores. As its documentation advises for more than a few labels, `max_steps` limits them, here to `--pairs`.
"""

from __future__ import annotations

import tempfile

import numpy as np
from setfit import SetFitModel, Trainer, TrainingArguments

from benchmarks.contenders import job as jobs
from benchmarks.contenders.minilm import PACKAGE, folder, texts, training
from datasets import Dataset

BATCH = 16


def default_pairs(y: np.ndarray) -> int:
    """How many pairs SetFit makes of classes `y` (n,) by itself: a text is paired with itself as well."""
    same = int(sum(n * (n + 1) // 2 for n in np.bincount(y)))
    return 2 * max(same, len(y) * (len(y) + 1) // 2 - same)


def main() -> None:
    parser = jobs.parser(__doc__)
    parser.add_argument("--pairs", type=int, required=True)
    args = parser.parse_args()
    job = jobs.job_of(args)
    train, y = training(job)
    names = job.classes()
    model = SetFitModel.from_pretrained(str(folder()), labels=names, device="cpu")
    model.model_body.max_seq_length = job.tokens
    wanted = default_pairs(y)
    with tempfile.TemporaryDirectory() as place:
        arguments = TrainingArguments(
            output_dir=place,
            batch_size=BATCH,
            max_steps=args.pairs // BATCH if wanted > args.pairs else -1,
            save_strategy="no",
            report_to="none",
            show_progress_bar=False,
            seed=job.seed,
        )
        labelled = Dataset.from_dict({"text": train, "label": [names[i] for i in y]})
        Trainer(model=model, args=arguments, train_dataset=labelled).train()
    files = job.test_files()
    predicted = model.predict(texts(files), show_progress_bar=False)
    job.answer(
        zip(files, map(str, predicted), strict=True),
        packages=["setfit", "sentence-transformers", "transformers", "torch", PACKAGE],
        pairs=min(wanted, args.pairs),
    )


if __name__ == "__main__":
    main()
