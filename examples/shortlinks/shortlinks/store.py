"""The links, and what may be said of them. Nothing here knows of HTTP."""

import time

DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Store:
    """Codes and the addresses they stand for."""

    def __init__(self, clock=time.time):
        self._clock = clock
        self._links = {}

    def add(self, url):
        """Keeps an address; returns its code."""
        if not isinstance(url, str) or not url.startswith(("http://", "https://")):
            raise ValueError("url must begin with http:// or https://")
        code = _code(len(self._links) + 1)
        self._links[code] = url
        return code

    def find(self, code):
        """The address behind a code, or None."""
        return self._links.get(code)


def _code(number):
    digits = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits
