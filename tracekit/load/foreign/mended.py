"""Mended: what a reader had to mend or leave out, each kind of thing counted. Knows no kind itself."""

from __future__ import annotations


class Mended:
    """Sentences, and how often each one held."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._said: list[str] = []

    def count(self, sentence: str, times: int = 1) -> None:
        """Counts something that was mended or left out.

        Args:
            sentence: what, in the plural; one of the reader's own, never text of the file.
        """
        if times:
            self._counts[sentence] = self._counts.get(sentence, 0) + times

    def say(self, sentence: str) -> None:
        """Adds a sentence that holds once for the whole file."""
        if sentence not in self._said:
            self._said.append(sentence)

    def notes(self) -> list[str]:
        """A sentence for each kind of thing, with its number."""
        return [*self._said, *(f"{sentence}: {count}" for sentence, count in self._counts.items())]
