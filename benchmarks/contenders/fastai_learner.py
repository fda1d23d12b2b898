"""fastai as its documentation has it: data block, vision_learner, fine_tune, all at their defaults.

With `--frozen`, vision_learner as it comes, which is frozen, and fit_one_cycle: fastai's own head is trained, and the
batch norm of the frozen body (`train_bn`, its default).

The same Lite0 weights come in by timm's own way (`pretrained_cfg_overlay`), so fastai freezes, splits and normalises
as for any pretrained timm model. In fastai's favour: all training images train (the small validation set that it wants
is a copy of one batch of them), nothing is printed, and mirroring is off where it would change the class.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from fastai.vision.all import (
    CategoryBlock,
    DataBlock,
    ImageBlock,
    Resize,
    aug_transforms,
    get_image_files,
    parent_label,
    set_seed,
    vision_learner,
)

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import SIZE, moved, snapshot, weights


def keep_all(files: list[Path]) -> tuple[list[int], list[int]]:
    """Every file trains; 64 of them, evenly spread, are shown again as validation."""
    everything = list(range(len(files)))
    return everything, everything[:: max(1, len(files) // 64)]


def main() -> None:
    parser = jobs.parser(__doc__)
    parser.add_argument("--frozen", action="store_true")
    args = parser.parse_args()
    job = jobs.job_of(args)
    set_seed(job.seed)
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock),
        get_items=get_image_files,
        get_y=parent_label,
        splitter=keep_all,
        item_tfms=Resize(SIZE),
        batch_tfms=aug_transforms(do_flip=job.mirrored),
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lite0.pth"
        torch.save(weights(), file)
        loaders = block.dataloaders(job.train, bs=min(64, len(get_image_files(job.train))))
        learner = vision_learner(loaders, "tf_efficientnet_lite0", pretrained_cfg_overlay={"file": str(file)})
    before = snapshot(learner.model[0])
    with learner.no_bar(), learner.no_logging():
        if args.frozen:
            learner.fit_one_cycle(job.epochs)
        else:
            learner.fine_tune(job.epochs)
        files = job.test_files()
        scores, _ = learner.get_preds(dl=loaders.test_dl(files))
    names = [loaders.vocab[i] for i in scores.argmax(1).tolist()]
    facts = {"frozen": moved(before, learner.model[0])} if args.frozen else {}
    job.answer(zip(files, names, strict=True), packages=["fastai", "torch", "timm"], epochs=job.epochs, **facts)


if __name__ == "__main__":
    main()
