"""Which of many events get a line in the log, where strangers can make as many as they like.

Law: no clock in here, and no more than so many lines in any stretch of time that begins with one.
"""

from __future__ import annotations


class Sparing:
    """Lets so many lines through.

    Args:
        most: How many, in each stretch of time.
        seconds: How long that is.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most = most
        self._seconds = seconds
        self._began = -seconds
        self._lines = 0
        self._over = 0

    def passedOver(self, now: float) -> int | None:
        """Something has happened.

        Args:
            now: When, in seconds.

        Returns:
            How many had no line since the last that had; None: this one has none either.
        """
        if now - self._began >= self._seconds:
            self._began, self._lines = now, 0
        if self._lines == self._most:
            self._over += 1
            return None
        self._lines += 1
        over, self._over = self._over, 0
        return over
