"""The faults by number: what goes wrong in such tools, and what happens here. A page of the docs is made of it."""

from __future__ import annotations

ROWS = {
    1: (
        "truncated image (`verify()` passes, `load()` raises)",
        "full decode in `check`; listed with path and reason; skipped and reported; abort above a share the user sets",
    ),
    2: (
        "tool edits or deletes the user's files (a known scanner re-saves JPEGs in place)",
        "data folder byte-identical after every command",
    ),
    3: (
        "EXIF rotation, applied in one place and not in another",
        "one reader for fit, predict, serve",
    ),
    4: (
        "16-bit grey, float TIFF, CMYK, RGBA, palette, multi-frame, 1-bit",
        "scaled or composited by one stated rule, reported once; first frame only",
    ),
    5: (
        "HEIC and other formats that need a plug-in",
        "the file is listed as unreadable, with the extra that reads it",
    ),
    6: (
        "decompression bomb (24 kB PNG = 200 MP), huge image",
        "header pixels checked before decode",
    ),
    7: (
        "crafted image",
        "only known formats are decoded, whatever a file is called",
    ),
    8: (
        "paths with spaces, non-ASCII, very long, symlink loops",
        "work, or a clear error",
    ),
    9: (
        "split lacks or adds a class; class order differs between fit and predict",
        "mapped by name, never by index",
    ),
    10: (
        "hidden folder as a class; `10` before `2`",
        "dotfiles ignored; names saved",
    ),
    11: (
        "empty class, one class, wrong layout, `validation/` for `val/`",
        "error shows the tree found beside the tree expected",
    ),
    12: (
        "class with one sample",
        "kept in train, reported as not evaluated; never dropped silently",
    ),
    13: (
        "label unseen in train, -1, float, gaps",
        "found before training starts",
    ),
    14: (
        "label text `NA`, `None`, `nan`",
        "kept as text",
    ),
    15: (
        "CSV with BOM, other encoding, ragged rows, duplicate columns, 10 M-character field",
        "detected, row number named",
    ),
    16: (
        "null or empty text",
        "fit: counted and dropped; predict: row kept, answer null",
    ),
    17: (
        "text longer than the model reads",
        "share truncated is reported",
    ),
    18: (
        "file named in a table is missing",
        "policy flag, the same at predict",
    ),
    19: (
        "duplicates across splits; one patient / site / device in train and test",
        "found by hash and by features, told with their number; parts of our own divide neither (`--group`)",
    ),
    20: (
        "frozen normalisation drifts",
        "frozen state_dict, buffers included, bit-identical after fit",
    ),
    21: (
        "freezing after a backward; weight decay or momentum moves a frozen weight",
        "same test, for each optimizer",
    ),
    22: (
        "last batch of one sample with batch norm",
        "merged",
    ),
    23: (
        "loss becomes NaN; best checkpoint full of NaN",
        "back to the last finite state with a lower rate, then stop with exit ≠ 0",
    ),
    24: (
        "out of memory",
        "micro-batch halved, effective batch kept",
    ),
    25: (
        "random augmentation that repeats itself",
        "seeded by sample and epoch: the same seed gives the same weights",
    ),
    26: (
        "resume differs from an uninterrupted run; resume re-freezes",
        "bit-exact on CPU",
    ),
    27: (
        "kill -9 in a save, disk full",
        "temporary name, sync, rename; falls back to the previous; space checked first",
    ),
    28: (
        "best or last checkpoint rotated away",
        "both always kept",
    ),
    29: (
        "Ctrl-C, SIGTERM",
        "saved; the command to resume is printed",
    ),
    30: (
        "run folder exists",
        "refused, or numbered; never overwritten",
    ),
    31: (
        "stale cache",
        "an entry is found by the contents of its file; a torn one is computed again",
    ),
    32: (
        "preprocessing drifts between train and serve",
        "pipeline in the bundle, golden sample checked on load",
    ),
    33: (
        "`LABEL_0`; head lost after an adapter",
        "names and head survive the round trip",
    ),
    34: (
        "exported model answers otherwise",
        "parity on real samples at two batch sizes, else the file is deleted",
    ),
    35: (
        "batch size changes a prediction",
        "tolerance test",
    ),
    36: (
        "time budget ignored; host's CPU count in a container",
        "a hard deadline (the probe is always finished); cores and memory are those of the container",
    ),
    37: (
        "network needed when offline",
        "tests run with sockets blocked",
    ),
    38: (
        "malicious weights (pickle), tampered bundle",
        "pickle refused unless `weights_only` can read it; hashes checked; nothing in a bundle executes",
    ),
    39: (
        "archive that writes outside its folder",
        "refused",
    ),
    40: (
        "service: huge body, many requests, slow client, bad image, path in a name, URL in a field",
        "loopback by default, body cap, queue cap, time-out, no fetch, no path; 4xx and it keeps serving",
    ),
    41: (
        "text in data that is HTML or a terminal escape",
        "escaped in report, page and console",
    ),
    42: (
        "non-finite or constant series, unequal lengths, missing values",
        "stated rule, reported",
    ),
    43: (
        "masks whose values are not classes; boxes outside the image, inverted, empty; image without annotation",
        "named before training; empty images are legal",
    ),
}
