"""Texts for the terminal and for log files: without secrets, and without control characters.

Every error and warning passes through ``clean``: names of files, addresses and the answers of
servers can contain anything.
"""

import os
import re
import sys
from functools import cache
from urllib.parse import parse_qsl, unquote

# Or in lower case.
ADDRESSES = (
    *("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"),
)
SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")
SHORTEST = 4  # characters of a secret that is hidden wherever it occurs
ADDRESS = re.compile(r"(?<=://)\S+")
QUERY = re.compile(r"(?<=\?)[^\s()'\"]*=[^\s()'\"]*")
SECRET_KEY = re.compile("pass|token|secret|key|sig", re.IGNORECASE)


def clean(text: str) -> str:
    """The text without secrets, and with escaped control characters except line breaks."""
    return escaped(without_secrets(text))


def warn(text: str) -> None:
    """Print a warning, one sentence."""
    print(f"warning: {clean(text)}", file=sys.stderr)


def without_secrets(text: str) -> str:
    """The text with *** in place of user names, passwords and queries of addresses.

    A password can contain a slash, at which a URL library ends it. Therefore everything in front of
    the last @ is hidden. The passwords in the environment are hidden wherever they are a word.
    """
    for secret in _known(tuple(map(_variable, ADDRESSES)), tuple(map(_variable, SECRETS))):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", "***", text)
    return without_users(text)


def without_users(text: str) -> str:
    """The text with *** in place of user names, passwords and queries of addresses in it."""
    return QUERY.sub("***", ADDRESS.sub(lambda found: _without_user(found[0]), text))


def escaped(text: str, kept: str = "\n\t") -> str:
    """The text with escapes such as ``\\x1b`` for what could change the terminal, except ``kept``.

    This includes bytes of file names that cannot be encoded.
    """
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in kept else each.encode("unicode_escape").decode()
        for each in text
    )


def _variable(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.lower()) or ""


def _without_user(address: str) -> str:
    _user, at, host = address.rpartition("@")
    return f"***@{host}" if at else address


@cache
def _known(addresses: tuple[str, ...], secrets: tuple[str, ...]) -> list[str]:
    """The secrets in the environment, as they are and decoded, the longest first."""
    found = set(secrets)
    for address in addresses:
        rest = address.partition("://")[2]
        before_query, _, query = rest.partition("?")
        users = [each.rpartition("@")[0] for each in (rest, before_query)]  # a ? in the password?
        found |= {user.partition(":")[2] for user in users}
        # Where a URL library ends the address of a password with a slash, in its error message:
        found |= {re.split("[/?#]", user)[0] for user in users if ":" in user}
        found |= {value for key, value in parse_qsl(query) if SECRET_KEY.search(key)}
    found |= {unquote(each) for each in found}
    return sorted((each for each in found if len(each) >= SHORTEST), key=len, reverse=True)
