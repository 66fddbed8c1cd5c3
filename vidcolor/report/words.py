"""Words and numbers on their way into HTML: everything that came from outside goes through `name`."""

from html import escape


def name(text: str) -> str:
    """A file name may hold markup, and marks that turn the rest of the line round: both stay inside."""
    return f"<bdi>{escape(text)}</bdi>"


def clock(seconds: float, digits: int = 0) -> str:
    """75.25 -> 1:15 or 1:15.2."""
    tens = 10**digits
    whole, rest = divmod(round(seconds * tens), tens)
    minutes, secs = divmod(whole, 60)
    hours, mins = divmod(minutes, 60)
    lead = f"{hours}:{mins:02}" if hours else f"{mins}"
    return f"{lead}:{secs:02}" + (f".{rest:0{digits}}" if digits else "")


def count(number: int, one: str) -> str:
    """'1 photo', '12 000 photos'."""
    return f"{number:,} {one}{'' if number == 1 else 's'}".replace(",", "\u202f")
