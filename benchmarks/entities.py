"""Sentences with people, places and organisations whose names are not those of the training part.

They are made of patterns and lists of names, all of which are dealt to one part alone: a tagger that knows the names
and the patterns of its training texts has to know what names are like, and what is said of them. Some names are of two
kinds (`Jordan`, `Lincoln`), and are told apart by what stands around them.

`python -m benchmarks.tags` on them, with minilm, which does not see capitals: entity F1 on 300 sentences after 200,

    words .613 (.568 to .656)   probe .692 (.652 to .732)   lp_ft .865 (.837 to .892)   finetune .978 (.964 to .991)
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from warmstart.data.schema import Dataset, Sample, Text
from warmstart.data.targets import TagTarget

TAGS = ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
_FIRST = """
Ada Alan Alice Amara Anders Andrea Anna Antonio Arthur Astrid Barbara Beatrice Benjamin Bernard Boris Brenda Bruno
Camille Carla Carlos Catherine Cecilia Chen Chloe Clara Claude Colin Conrad Dagmar Daniel Daria David Deepak Diana
Diego Dmitri Dora Edgar Edith Elena Elias Emil Emma Erik Esther Eva Fatima Felix Fiona Florian Francis Frida Gabriel
George Gerald Giulia Grace Greta Gustav Hanna Harold Hassan Helen Henrik Hugo Ibrahim Ida Igor Ingrid Irene Isabel
Ivan Jack Jana Jasper Joan Jonas Jordan Jorge Josef Julia Karim Karl Katja Keiko Kofi Lars Laura Lena Leo Lincoln
Linda Liu Lucas Lydia Magnus Malik Marco Margaret Maria Marta Martin Max Mei Milan Mina Miriam Mohammed Nadia Naomi
Natasha Nelson Nina Noah Nora Olga Oliver Omar Oscar Otto Paula Pedro Petra Philip Priya Rachel Rafael Rahul Rosa
Ruth Samir Sara Sergei Simon Sofia Stefan Sven Tamara Tariq Thomas Tina Ursula Vera Victor Viola Walter Wei William
Yara Yasmin Yuki Yusuf Zoe
"""
_LAST = """
Adeyemi Ahmed Almeida Andersson Bach Baker Banerjee Baptiste Becker Bennett Berg Bianchi Blanco Bohr Brandt Brown
Carlsson Castro Chandra Clarke Conti Cooper Costa Cruz Dalton Davies Dubois Eriksen Evans Farouk Fernandez Ferrari
Fischer Fleming Fontaine Fraser Garcia Ghosh Gomez Grant Gruber Gupta Haddad Hansen Harris Hoffmann Holm Hughes
Ibsen Ivanov Iyer Jackson Jansen Jensen Johnson Kaplan Keller Khan Kim Klein Kovacs Kowalski Kumar Lambert Larsen Le
Lehmann Lincoln Lind Lopez Lovelace Madison Mancini Martinez Mbeki Mehta Meyer Miller Molina Moreau Morris Mueller
Murphy Nakamura Nguyen Nielsen Novak Obama Okafor Olsen Ortega Park Patel Pavlov Pereira Petrov Popov Ramos Rao Reyes
Ricci Romano Rossi Roth Russo Santos Sato Schmidt Sharma Silva Singh Smirnov Sokolov Stein Suzuki Svensson Takahashi
Tanaka Taylor Thatcher Torres Turner Vargas Vogel Walker Washington Weber Wolf Wright Yamada Yilmaz Zhang Zimmermann
"""
_PLACES = """
Accra,Adelaide,Algeria,Amsterdam,Ankara,Antwerp,Argentina,Athens,Baghdad,Bangkok,Barcelona,Bavaria,Beirut,Belgrade,
Berlin,Bogota,Bolivia,Boston,Brazil,Brisbane,Brussels,Bucharest,Budapest,Buenos Aires,Cairo,Calgary,California,Canada,
Cape Town,Caracas,Chicago,Chile,Cologne,Copenhagen,Cornwall,Croatia,Cuba,Dakar,Dallas,Damascus,Delhi,Denmark,Denver,
Detroit,Dhaka,Dublin,Durban,Ecuador,Edinburgh,Egypt,Estonia,Ethiopia,Finland,Florence,Frankfurt,Geneva,Georgia,Ghana,
Glasgow,Gothenburg,Guatemala,Hamburg,Hanoi,Havana,Helsinki,Hong Kong,Houston,Iceland,Indonesia,Istanbul,Jakarta,
Jamaica,Jordan,Kabul,Karachi,Kenya,Kyoto,Lagos,Latvia,Lebanon,Leeds,Leipzig,Lima,Lincoln,Lisbon,London,Los Angeles,
Luxembourg,Lyon,Madison,Madrid,Malaysia,Manchester,Manila,Marseille,Melbourne,Mexico City,Milan,Minsk,Montreal,Morocco,
Moscow,Mumbai,Munich,Nairobi,Naples,Nepal,New York,New Zealand,Nigeria,North Carolina,Norway,Oslo,Ottawa,Panama,Paris,
Perth,Peru,Poland,Porto,Portugal,Prague,Quebec,Riga,Rio de Janeiro,Rome,Rotterdam,San Francisco,Santiago,Sao Paulo,
Saudi Arabia,Scotland,Seattle,Senegal,Seoul,Shanghai,Sicily,Singapore,Sofia,South Africa,Stockholm,Sudan,Sweden,Sydney,
Taiwan,Tanzania,Tehran,Texas,Tokyo,Toronto,Tunis,Turin,Uganda,Ukraine,Uruguay,Utrecht,Valencia,Vancouver,Venice,Vienna,
Vietnam,Warsaw,Washington,Wellington,Zagreb,Zurich
"""
_CORES = """
Acme Alpine Amber Apex Argon Atlas Aurora Baltic Beacon Borealis Bridgewater Cascade Cedar Citadel Cobalt Comet Condor
Coral Crescent Delphi Eclipse Electra Emerald Everest Falcon Fortuna Galaxy Gemini Granite Harbour Helios Horizon Icarus
Iris Jaguar Jupiter Keystone Lincoln Lotus Lunar Magna Mercury Meridian Mirage Nebula Neptune Nordic Nova Oasis Olympus
Omega Orion Pacific Phoenix Pioneer Polaris Prisma Quantum Regent Sapphire Saturn Sierra Solaris Sterling Summit Titan
Trident Unity Vega Vertex Victoria Vista Zenith Zephyr
"""
_ENDINGS = ("Bank", "Motors", "Airlines", "Group", "Ltd", "Industries", "Energy", "Pharma", "Media", "Insurance", "")
_PATTERNS = """
PER was born in LOC .|PER , who works for ORG , lives in LOC .|ORG opened an office in LOC last year .
The head of ORG , PER , resigned on Monday .|PER met PER in LOC to talk about the weather .
Shares of ORG fell after the report from LOC .|It rained in LOC for three days .|We had a long talk about nothing .
Doctors in LOC said that PER would recover .|According to ORG , sales in LOC rose by five percent .
PER joined ORG in 1998 and left it for ORG .|The train from LOC to LOC was late again .
" I like it here , " said PER .|Police arrested PER at the airport of LOC .|ORG and ORG agreed to merge .
The children played in the garden all day .|PER 's new book about LOC sold well .|ORG hired PER as an adviser .
Two people from LOC won the prize .|Last week PER flew to LOC with a friend .|Nobody at ORG wanted to comment .
The meeting was put off until next week .|A spokesman for ORG , PER , denied it .|LOC and LOC signed the treaty .
PER bought a house near LOC .|Workers at ORG in LOC are on strike .|I asked PER about the price of bread .
The minister of LOC thanked PER for the help .|ORG , based in LOC , makes engines .|PER plays for ORG this season .
LOC beat LOC by two goals to one .|Mr. PER told reporters that ORG was for sale .|The mayor of LOC , PER , agreed .
PER and his wife PER moved to LOC in May .|Customers of ORG waited for hours .|ORG : profit down , debts up
Prices in LOC are twice as high as in LOC .|LOC , 12 May - PER won the first round .|Heavy snow fell north of LOC .
The court fined ORG for what it did in LOC .|I have never been to LOC , but PER has .|PER ( ORG ) came in second .
Analysts at ORG expect little from ORG .|The road to LOC is closed .|Thank you , PER , for your letter .
He studied law and became a judge .|Engineers of ORG built the bridge at LOC .|PER is the son of PER .
"""


class Names:
    """Names that one part has to itself: every `parts`-th of a shuffled list, from `part` on."""

    def __init__(self, part: int, parts: int = 2) -> None:
        rng = np.random.default_rng(0)

        def own(names: Sequence[str]) -> list[str]:
            return [names[i] for i in rng.permutation(len(names))[part::parts]]

        self.first, self.last = own(_FIRST.split()), own(_LAST.split())
        self.places = own([name.strip() for name in _PLACES.replace("\n", "").split(",")])
        self.cores = own(_CORES.split())

    def draw(self, kind: str, rng: np.random.Generator) -> list[str]:
        """The words of a name of a kind: PER, LOC or ORG."""
        if kind == "PER":
            names = [str(rng.choice(self.first)), str(rng.choice(self.last))]
            return names if rng.random() < 0.7 else [names[rng.integers(2)]]
        if kind == "LOC":
            return str(rng.choice(self.places)).split()
        if rng.random() < 0.2:
            return ["University", "of", *str(rng.choice(self.places)).split()]
        return f"{rng.choice(self.cores)} {rng.choice(_ENDINGS)}".split()


def tagged(n: int, seed: int, part: int) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """`n` sentences, as words and tags, with names of one part."""
    rng, names = np.random.default_rng([seed, part]), Names(part)
    patterns = [line for row in _PATTERNS.strip().split("\n") for line in row.split("|")][part::2]
    found = []
    for _ in range(n):
        words: list[str] = []
        tags: list[str] = []
        for word in str(rng.choice(patterns)).split():
            name = names.draw(word, rng) if word in ("PER", "LOC", "ORG") else [word]
            tags += [f"{'I' if i else 'B'}-{word}" for i in range(len(name))] if name != [word] else ["O"]
            words += name
        found.append((tuple(words), tuple(tags)))
    return found


def corpus(train: int, test: int, seed: int = 0) -> Dataset:
    """`train` sentences with names of the one part, and behind them `test` with names of the other."""
    rows = [*tagged(train, seed, 0), *tagged(test, seed, 1)]
    samples = tuple(Sample(f"row-{i}", Text.of_words(words), tags) for i, (words, tags) in enumerate(rows))
    return Dataset(samples, TagTarget(TAGS), name="entities")
