"""Keras 3 on its torch backend, as its transfer learning guide has it: a frozen base called with `training=False`.

The same Lite0 comes in by `TorchModuleWrapper`. Keras' own folder reader needs TensorFlow or grain; `fit` and `predict`
take a torch DataLoader as well, and with its two workers that is the faster one.
"""

from __future__ import annotations

import keras

from benchmarks.contenders import job as jobs
from benchmarks.contenders.lite0 import FEATURES, SIZE, backbone, images, moved, snapshot


def main() -> None:
    job = jobs.job_of(jobs.parser(__doc__).parse_args())
    keras.utils.set_random_seed(job.seed)
    body = backbone()
    before = snapshot(body)
    base = keras.layers.TorchModuleWrapper(body, output_shape=(None, FEATURES))
    base.trainable = False
    inputs = keras.Input((3, SIZE, SIZE))
    outputs = keras.layers.Dense(len(job.classes()))(base(inputs, training=False))
    model = keras.Model(inputs, outputs)
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
        frozen=moved(before, body),
        epochs=job.epochs,
    )


if __name__ == "__main__":
    main()
