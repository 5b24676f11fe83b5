"""Readable sentences without end: what an export's chunk_text looks like, apostrophes and accents included."""

from __future__ import annotations

import numpy as np


def _phrases(text: str) -> list[str]:
    return text.split("|")


WHO = _phrases(
    "The keeper's eldest daughter|An apprentice from Fårö|The ship's carpenter|Señora Ibáñez|A patient observer|"
    "The baker's assistant|Dr. Müller|Our neighbour across the sound|The café owner|Nobody on the island|"
    "The author of the second letter|Zoë|A crew of four|The night watch|Everyone who couldn't sleep|The old pilot"
)
DID = _phrases(
    "measured|wrote down|had long forgotten|learnt to trust|couldn't explain|carefully compared|set aside|"
    "described|went back to|kept a record of|first noticed|was warned about|preferred|mended|didn't mention|drew"
)
WHAT = _phrases(
    "the height of the tide|a lens ground in Paris|three loaves of rye|the harbour's only crane|the naïve method|"
    "an unsigned map|the colour of the flame|two barrels of oil|the price of flour|a fog signal|the résumé of the case|"
    "the bees' winter stores|every sounding below 20 °C|the clock that wouldn't run|a rope of 40 fathoms|the index"
)
HOW = _phrases(
    "before the light was lit|in the winter of 1893|without a word|as the manual says (see § 4)|on the north side|"
    "for the third time that week|— or so it's told|at half past five|and then at 95 % of its load|with great care|"
    "while the kettle sang|under the name “Étoile”|; nobody objected|until the frost came|by lamplight|twice a day"
)
SENTENCES = (7, 11)  # of a chunk: at least, at most


class Prose:
    """A seeded sequence of paragraphs of about 700 characters."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng([seed, 2])

    def batch(self, count: int) -> list[str]:
        """The next ``count`` paragraphs."""
        lengths = self.rng.integers(SENTENCES[0], SENTENCES[1] + 1, count).tolist()
        picks = self.rng.integers(0, 16, (count, SENTENCES[1], 4)).tolist()
        return [
            " ".join(f"{WHO[a]} {DID[b]} {WHAT[c]} {HOW[d]}." for a, b, c, d in rows[:length])
            for rows, length in zip(picks, lengths, strict=True)
        ]
