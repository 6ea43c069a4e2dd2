"""Texts for the terminal and for log files: without secrets, and without control characters.

Every error and warning passes through ``clean``: names of files, addresses and the answers of
servers can contain anything.
"""

import os
import re
import sys
from urllib.parse import parse_qsl, unquote

# Variables with an address, also in lower case; and variables that are secrets.
ADDRESSES = (
    *("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
)
SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")
SHOWN = 20  # items of a list in a warning
SHORTEST = 4  # characters of a secret that is hidden wherever it occurs
USER = re.compile(r"(?<=://)\S+(?=@)")  # all in front of the last @: a password can have a slash
QUERY = re.compile(r"(?<=\?)[^\s()'\"]*=[^\s()'\"]*")


def clean(text: str) -> str:
    """The text without secrets, and with escaped control characters except line breaks."""
    return escaped(without_secrets(text))


def warn(text: str) -> None:
    """Print a warning, one sentence."""
    print(f"warning: {clean(text)}", file=sys.stderr)


def warn_of_all(what: str, items: list[str]) -> None:
    """Print a warning with the first of the items, such as files, if there are any."""
    if items:
        shown = [escaped(item, kept="") for item in items[:SHOWN]]
        more = [f"… and {len(items) - SHOWN:,} more"] if len(items) > SHOWN else []
        warn("\n  ".join([f"{len(items):,} {what}:", *shown, *more]))


def without_secrets(text: str) -> str:
    """The text with *** in place of user names, passwords and queries of addresses.

    The passwords in the environment are hidden wherever they are a word.
    """
    for secret in sorted(_known_secrets(), key=len, reverse=True):
        if len(secret) >= SHORTEST:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return QUERY.sub("***", USER.sub("***", text))


def root_cause(error: BaseException) -> str:
    """The message of the first error, in a line; those raised from it repeat its address."""
    while cause := error.__cause__ or (None if error.__suppress_context__ else error.__context__):
        error = cause
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return clean(" ".join(text.split()))[:200]


def _known_secrets() -> set[str]:
    """The secrets in the environment, as they are and decoded, and their parts.

    A URL library ends a password at a slash, for example, and prints the parts in its messages.
    """
    found = {os.environ.get(name, "") for name in SECRETS}
    for name in (*ADDRESSES, *map(str.lower, ADDRESSES)):
        rest = os.environ.get(name, "").partition("://")[2]
        user, colon, password = rest.rpartition("@")[0].partition(":")
        found |= {user + colon + password, password} if colon else set()
        found |= {value for _, value in parse_qsl(rest.partition("?")[2])}
    found |= {part for secret in found for part in re.split("[/?#@]", secret)}
    return found | {unquote(secret) for secret in found}


def escaped(text: str, kept: str = "\n\t") -> str:
    """The text with escapes such as ``\\x1b`` for what could change the terminal, except ``kept``.

    This includes bytes of file names that cannot be encoded.
    """
    return "".join(
        each if each.isprintable() or each in kept else each.encode("unicode_escape").decode()
        for each in text
    )
