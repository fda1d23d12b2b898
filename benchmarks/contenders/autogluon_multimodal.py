"""AutoGluon's MultiModalPredictor with its preset `medium_quality`, on a table of image paths.

The preset's own weights come from a model hub. The same Lite0 takes their place in AutoGluon's documented way, a local
folder as `model.timm_image.checkpoint_name`; the epochs, 20 by default, are those of the others.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pandas as pd
import torch
from autogluon.multimodal import MultiModalPredictor

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import FEATURES, SIZE, backbone


def write_checkpoint(folder: Path) -> None:
    """Lite0 as AutoGluon reads a timm model from a folder."""
    torch.save(backbone().state_dict(), folder / "pytorch_model.bin")
    facts = {"input_size": [3, SIZE, SIZE], "mean": [0.5] * 3, "std": [0.5] * 3}
    config = {"architecture": "tf_efficientnet_lite0", "num_features": FEATURES, "pretrained_cfg": facts}
    (folder / "config.json").write_text(json.dumps(config))


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    files = sorted(job.train.glob("*/*.png"))
    table = pd.DataFrame({"image": [str(file) for file in files], "label": [file.parent.name for file in files]})
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "lite0"
        checkpoint.mkdir()
        write_checkpoint(checkpoint)
        predictor = MultiModalPredictor(label="label", presets="medium_quality", path=str(Path(folder) / "predictor"))
        chosen = {"model.timm_image.checkpoint_name": str(checkpoint), "optim.max_epochs": job.epochs}
        predictor.fit(table, seed=job.seed, hyperparameters=chosen)
        tested = job.test_files()
        names = predictor.predict(pd.DataFrame({"image": [str(file) for file in tested]}), as_pandas=False)
    job.answer(
        zip(tested, names.tolist(), strict=True),
        packages=["autogluon.multimodal", "torch", "timm"],
        epochs=job.epochs,
    )


if __name__ == "__main__":
    main()
