"""Processes that make series: each is a function of parameters, which say what is common to all that it makes.

A process takes `theta`, numbers from 0 to 1, and draws `n` series of `steps` steps. What `theta` says (a spectrum, the
form of a beat, where an event lies) is the same in all of them; phase, pace, noise and height are drawn anew for each.
So the series of one `theta` are to one another what the series of one class are in measured data.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from warmstart.data.synthetic.kernels import kernel
from warmstart.data.synthetic.shapes import Array, Rng, between, bumps, curve, noise, slid, times, unit, warped

Process = Callable[[Array, Rng, int, int], Array]
PARAMETERS = 16
"""How many numbers `theta` has; a process that needs fewer leaves the last ones unread."""


def template(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """One curve, run through unevenly, with more or less noise: gestures, outlines, spectra."""
    knots = 4 + int(theta[0] * 10)
    heights = np.resize(np.concatenate([theta[4:], theta[4:][::-1] ** 2]), knots) * 2 - 1
    places = warped(rng, n, steps, between(theta[1], 0.02, 0.3))
    whole = curve(heights, places) + 0.3 * rng.standard_normal((n, 1)) * np.linspace(-0.5, 0.5, steps) * theta[2]
    return unit(whole) + times(theta[3], 0.003, 0.3) * noise(rng, n, steps, between(theta[2], 0, 2))


def pulses(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """A level that rises and falls in steps at places that are nearly the same: loads, states, switches."""
    count = 1 + int(theta[0] * 5)
    edges = np.sort(theta[4 : 4 + 2 * count]) + between(theta[1], 0.002, 0.04) * rng.standard_normal((n, 2 * count))
    heights = np.resize(theta[3:], count) + 0.1 * rng.standard_normal((n, count))
    place, softness = np.linspace(0, 1, steps)[None], times(theta[2], 0.001, 0.03)
    rise = [np.tanh((place - edges[:, k, None]) / softness) for k in range(2 * count)]
    whole = sum((heights[:, k, None] * (rise[2 * k] - rise[2 * k + 1]) for k in range(count)), np.zeros((n, steps)))
    return unit(whole) + times(theta[3], 0.003, 0.5) * noise(rng, n, steps, 0.0)


def seasonal(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """A trend and two seasons with overtones: demand, weather, traffic."""
    time, out = np.linspace(0, 1, steps), np.zeros((n, steps))
    for which, most in ((0, 6.0), (1, 40.0)):
        cycles = times(theta[which], 1.5, most)
        phase = rng.uniform(0, 1, (n, 1)) if theta[2] > 0.5 else rng.normal(theta[3], 0.03, (n, 1))
        for overtone in range(1, 5):
            height = (2 * theta[3 + 4 * which + overtone] - 1) / overtone
            out += height * np.sin(2 * np.pi * overtone * (cycles * time + phase))
    out += (2 * theta[12] - 1 + 0.2 * rng.standard_normal((n, 1))) * 2 * time
    return unit(out) + times(theta[13], 0.01, 1.0) * noise(rng, n, steps, between(theta[14], 0, 1))


def autoregressive(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """Noise through a filter of a few resonances, up to a random walk: vibration, sound, prices."""
    rate = np.fft.rfftfreq(2 * steps)
    response = np.ones(len(rate), dtype=np.complex128)
    for k in range(1 + int(theta[0] * 3)):
        radius, angle = 1 - times(theta[1 + 2 * k], 0.002, 0.3), times(theta[2 + 2 * k], 0.004, 0.45)
        for pole in (radius * np.exp(2j * np.pi * angle), radius * np.exp(-2j * np.pi * angle)):
            response /= 1 - pole * np.exp(-2j * np.pi * rate)
    if theta[9] > 0.7:  # a root at one: sums of what is below
        response /= 1 - 0.9995 * np.exp(-2j * np.pi * rate)
    driven = np.fft.rfft(rng.standard_normal((n, 2 * steps))) * response
    whole = unit(np.fft.irfft(driven, 2 * steps)[:, steps:])
    out: Array = whole + times(theta[10], 0.003, 0.5) * rng.standard_normal((n, steps))
    return out


def chirp(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """A tone whose pitch and strength change: calls, sweeps, transients."""
    time = warped(rng, n, steps, 0.05)
    first, last = times(theta[0], 2, steps / 6), times(theta[1], 2, steps / 6)
    pitch = first * time + (last - first) * time ** times(theta[2], 1.2, 4) / 2
    swell = curve(theta[4:10], time + 0.03 * rng.standard_normal((n, 1)))
    overtone = theta[10] * np.sin(4 * np.pi * pitch + 6 * theta[11])
    tone = np.sin(2 * np.pi * (pitch + rng.uniform(0, 1, (n, 1)))) + overtone
    return unit(swell * tone) + times(theta[3], 0.01, 0.7) * noise(rng, n, steps, between(theta[12], 0, 1))


def beats(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """One or many beats of five waves each, as an electrocardiogram has them."""
    count = times(theta[0], 1, 12)
    rate = count * (1 + 0.08 * rng.standard_normal((n, 1)))
    start = rng.uniform(0, 1, (n, 1)) if count > 2 else 0.02 * rng.standard_normal((n, 1))
    phase = (rate * warped(rng, n, steps, 0.05) + start) % 1.0
    centre = np.array([0.2, 0.36, 0.4, 0.44, 0.65]) + 0.08 * (theta[1:6] - 0.5)
    width = np.array([0.03, 0.012, 0.012, 0.014, 0.05]) * np.exp(1.2 * (theta[6:11] - 0.5))
    height = np.array([0.3, -0.25, 1.6, -0.4, 0.6]) * (2 * theta[11:16] - 0.3)
    drawn = height * (1 + 0.08 * rng.standard_normal((n, 5)))
    wander = 0.3 * theta[9] * noise(rng, n, steps, 3.0)
    heart = unit(bumps(phase, centre, width, drawn)) + wander
    out: Array = heart + times(theta[5], 0.005, 0.3) * noise(rng, n, steps)
    return out


def machine(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """A shaft with overtones, and bursts of a resonance at the rate of a fault: bearings, gears, engines."""
    time = np.linspace(0, 1, steps)
    turns = times(theta[0], 3, 30) * (1 + 0.03 * rng.standard_normal((n, 1)))
    phase = rng.uniform(0, 1, (n, 1))
    whole = sum(
        (theta[2 + k] ** 2 * np.sin(2 * np.pi * ((k + 1) * turns * time + phase + theta[2 + k])) for k in range(5)),
        np.zeros((n, steps)),
    )
    since = (turns * times(theta[7], 0.3, 3) * time + rng.uniform(0, 1, (n, 1))) % 1.0
    ringing = np.exp(-since * times(theta[8], 3, 30)) * np.sin(2 * np.pi * since * times(theta[9], 2, 20))
    fault = 0.0 if theta[10] < 0.3 else times(theta[10], 0.1, 3)
    return unit(whole + fault * ringing) + times(theta[1], 0.02, 1.0) * noise(rng, n, steps)


def shapelet(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """One short form somewhere in a background that says nothing: what happened, and not when."""
    time = np.linspace(0, 1, steps)[None]
    width = times(theta[0], 0.04, 0.4)
    place = rng.uniform(width / 2, 1 - width / 2, (n, 1)) if theta[1] > 0.3 else rng.normal(0.5, 0.05, (n, 1))
    inside = (time - place) / width + 0.5
    form = curve(np.concatenate([[0.0], 2 * theta[4:12] - 1, [0.0]]), inside) * (np.abs(inside - 0.5) <= 0.5)
    background = noise(rng, n, steps, between(theta[2], 0, 2.5))
    return form * times(theta[3], 1.5, 8) + background


def texture(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """One fixed stretch of coloured noise, moved and disturbed: what repeats itself without a form that has a name."""
    fixed = noise(np.random.default_rng(int(theta[0] * 2**40)), 1, steps, times(theta[1], 0.8, 3))
    whole = np.repeat(fixed, n, axis=0)
    if theta[2] > 0.6:
        whole = slid(whole, rng.integers(-steps // 10, steps // 10 + 1, n))
    out: Array = whole + times(theta[3], 0.01, 1.0) * noise(rng, n, steps, between(theta[4], 0, 2))
    return out


def composed(theta: Array, rng: Rng, n: int, steps: int) -> Array:
    """Two others, added or the one swelling with the other."""
    names = [name for name in PROCESSES if name != "composed"]
    first, second = names[int(theta[0] * len(names))], names[int(theta[1] * len(names))]
    a = unit(PROCESSES[first](np.roll(theta, -2), rng, n, steps))
    b = unit(PROCESSES[second](np.roll(theta, -4)[::-1].copy(), rng, n, steps))
    return a * np.tanh(1 + b) if theta[2] > 0.7 else a + times(theta[3], 0.2, 1.0) * b


PROCESSES: dict[str, Process] = {
    "template": template,
    "kernel": kernel,
    "pulses": pulses,
    "seasonal": seasonal,
    "autoregressive": autoregressive,
    "chirp": chirp,
    "beats": beats,
    "machine": machine,
    "shapelet": shapelet,
    "texture": texture,
    "composed": composed,
}
"""All of them, by name."""
