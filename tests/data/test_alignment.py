"""Tags of words as tags of tokens, for every kind of tokenizer: of words, pieces of them, bytes, and whole texts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from warmstart.data.schema import Dataset, Sample, Text
from warmstart.data.stores import store_of
from warmstart.data.targets import TagTarget
from warmstart.data.tokens import TokenStore
from warmstart.data.words import at_words, spans, words_of
from warmstart.errors import DataError
from warmstart.preprocess.text import TextSpec, first_tokens

SENTENCES = [
    ["Angela", "Merkel", "was", "in", "Düsseldorf", ",", "not", "in", "U.S.", "courts"],
    ["It", "rains"],
    ["東京", "is", "a", "city", "of", "naïve", "café", "owners", "🙂", "!"],
    ["the", "unbelievable", "Unbelievability", "of", "unbelievers"],
    ["New York", "is", "one", "word", "here"],
]
TARGET = TagTarget(("a", "b", "c"))
ADDED = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]


def wordpiece() -> Tokenizer:
    made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trained(made, trainers.WordPieceTrainer(vocab_size=120, special_tokens=ADDED, show_progress=False))
    return bracketed(made)


def bytes_(*, trim: bool = True, prefix: bool = False) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained(made, trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet, show_progress=False))
    made.post_processor = processors.ByteLevel(trim_offsets=trim)
    return made


def unigram() -> Tokenizer:
    made = Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=90, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False)
    trained(made, trainer)
    return made


def unsplit() -> Tokenizer:
    """As that of Llama 2: white space is a character like others."""
    made = Tokenizer(models.BPE(byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    trained(made, trainers.BpeTrainer(vocab_size=100, special_tokens=["<unk>"], show_progress=False))
    made.pre_tokenizer = pre_tokenizers.Sequence([])
    made.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    return made


def trained(made: Tokenizer, trainer: trainers.Trainer) -> None:
    made.train_from_iterator([" ".join(words) for words in SENTENCES], trainer)


def bracketed(made: Tokenizer) -> Tokenizer:
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair=None, special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return made


TOKENIZERS = {
    "wordpiece": wordpiece(),
    "bytes": bytes_(),
    "bytes with untrimmed spaces": bytes_(trim=False),
    "bytes with a space in front": bytes_(prefix=True),
    "unigram": unigram(),
    "unsplit": unsplit(),
}


def store(kind: str, size: int = 64, labels: bool = True) -> TokenStore:
    tags = [tuple("abc"[i % 3] for i in range(len(words))) for words in SENTENCES]
    samples = tuple(
        Sample(f"row-{i}", Text.of_words(words), label if labels else None)
        for i, (words, label) in enumerate(zip(SENTENCES, tags, strict=True))
    )
    found = store_of(Dataset(samples, TARGET), TextSpec(size, TOKENIZERS[kind].to_str()))
    assert isinstance(found, TokenStore)
    return found


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_each_word_has_its_tag_at_the_first_token_that_holds_a_character_of_it(kind: str) -> None:
    found, tokenizer = store(kind), TOKENIZERS[kind]
    targets = found.targets(np.arange(len(SENTENCES)))
    assert targets.shape == (len(SENTENCES), found.lengths.max())
    for row, words in zip(targets, SENTENCES, strict=True):
        assert row[row >= 0].tolist() == [i % 3 for i in range(len(words))]
        offsets = tokenizer.encode(" ".join(words)).offsets
        at = torch.nonzero(row >= 0).flatten().tolist()
        for place, (start, stop) in zip(at, spans(Text.of_words(words)), strict=True):
            first, behind = offsets[place]
            assert max(first, start) < min(behind, stop)
            assert not any(max(a, start) < min(b, stop) for a, b in offsets[:place])


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_words_that_are_cut_off_have_no_tag(kind: str) -> None:
    whole, short = store(kind).targets(np.arange(5)), store(kind, size=6).targets(np.arange(5))
    assert short.shape == (5, 6)
    for long, row in zip(whole, short, strict=True):
        said = row[row >= 0].tolist()
        assert len(said) < 10
        assert long[long >= 0].tolist()[: len(said)] == said


def test_batches_bring_the_tags_of_their_own_length() -> None:
    found = store("wordpiece")
    for batch in found.batches(range(5), batch_size=2):
        assert batch.inputs.shape[:2] == batch.targets.shape
        assert torch.equal(batch.targets, found.targets(batch.index.numpy()))
        assert not bool((batch.targets[batch.inputs[..., 0] < 4] >= 0).any()), "an added token has no tag"


def test_a_text_whose_tags_are_not_known_has_none() -> None:
    assert bool((store("bytes", labels=False).targets(np.arange(5)) == -1).all())


def test_a_part_of_a_store_has_the_tags_of_the_part() -> None:
    found = store("unigram")
    part = found.subset([3, 1])
    assert torch.equal(part.targets(np.array([0, 1])), found.targets(np.array([3, 1])))


def test_a_word_that_the_tokenizer_drops_has_no_tag_and_moves_no_other() -> None:
    words = ["It", "\u200b\u0001", "rains"]
    (found,) = TextSpec(16, TOKENIZERS["wordpiece"].to_str()).encode_words([words])
    assert found.starts[1] == -1
    assert found.starts[0] == 1
    assert found.starts[2] > 1


def test_a_token_of_two_words_is_of_the_first() -> None:
    assert first_tokens(["a", "b", "c"], [(0, 3), (4, 5)]).tolist() == [0, -1, 1]


def test_outputs_go_the_way_back() -> None:
    found = store("bytes")
    found.preload()
    targets = found.targets(np.arange(5))
    outputs = torch.nn.functional.one_hot(targets.clamp_min(0), 3).float()
    starts = [one.starts for one in TextSpec(64, TOKENIZERS["bytes"].to_str()).encode_words(SENTENCES)]
    said = at_words(outputs, starts)
    for row, words in zip(said, SENTENCES, strict=True):
        assert row[: len(words)].argmax(1).tolist() == [i % 3 for i in range(len(words))]
        assert bool(row[len(words) :].isnan().all())


def test_words_of_a_plain_text_are_words_and_punctuation() -> None:
    text = Text(("Mr. O'Neil paid 3.50 (cash) in Baden-Baden!",))
    expected = ["Mr", ".", "O'Neil", "paid", "3.50", "(", "cash", ")", "in", "Baden-Baden", "!"]
    assert list(words_of(text)) == expected
    assert [text.parts[0][a:b] for a, b in spans(text)] == expected


@pytest.mark.parametrize(
    "sample", [Sample("x", Text(("It rains",)), ("a", "b")), Sample("x", Text.of_words(["It", "rains"]), ("a",))]
)
def test_a_text_that_has_not_a_word_for_each_tag_is_refused(sample: Sample) -> None:
    spec = TextSpec(16, TOKENIZERS["bytes"].to_str())
    with pytest.raises(DataError, match=r"sample 'x' has \d word"):
        TokenStore(Dataset((sample,), TARGET), spec).preload()
