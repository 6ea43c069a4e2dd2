"""Text for the terminal."""


def printable(text: str) -> str:
    """Escape what could change the terminal or cannot be encoded: file names can have any bytes."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )
