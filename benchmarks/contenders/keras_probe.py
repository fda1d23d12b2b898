"""Keras 3 on its torch backend, as its transfer learning guide has it: a frozen base called with `training=False`.

The same Lite0 comes in by `TorchModuleWrapper`, in a subclassed model as its documentation shows: in a functional one
`fit` overrides `training=False`, which Keras' own batch norm does not mind when frozen, but a wrapped one does. Keras'
own folder reader needs TensorFlow or grain; `fit` and `predict` take a torch DataLoader as well.
"""

from __future__ import annotations

import keras
from torch import Tensor

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import FEATURES, backbone, images, moved, snapshot


class Classifier(keras.Model):
    """`base`, frozen, and a new head."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.base = keras.layers.TorchModuleWrapper(backbone(), output_shape=(None, FEATURES))
        self.base.trainable = False
        self.head = keras.layers.Dense(classes)

    def call(self, inputs: Tensor) -> Tensor:
        """Class scores."""
        return self.head(self.base(inputs, training=False))


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    keras.utils.set_random_seed(job.seed)
    model = Classifier(len(job.classes()))
    before = snapshot(model.base.module)
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    model.fit(images(job.train, 32, shuffle=True), epochs=job.epochs, verbose=0)
    best = model.predict(images(job.test, 64), verbose=0).argmax(1)
    predictions = [job.classes()[i] for i in best]
    job.answer(
        zip(job.test_files(), predictions, strict=True),
        packages=["keras", "torch", "timm"],
        frozen=moved(before, model.base.module),
        epochs=job.epochs,
    )


if __name__ == "__main__":
    main()
