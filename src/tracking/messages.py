"""What the stage itself adds to its messages: when, where and from which code a training ran.

The stage measures it, and writes it to a file: the background process can be slow or fail.
"""

import time
from pathlib import Path
from typing import Any, cast

from src.common.messages import warn
from src.models.artifacts import load_record
from src.tracking.origin import NOTES, Provenance, load_provenances, origin, save_provenance


class StageMessages:
    """Completes the messages of one stage."""

    def __init__(self) -> None:
        self._begun: dict[str, Any] = {}
        self._complete = False
        self._clock = 0.0  # of the machine since it started, which nobody sets back

    def complete(self, message: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments with which ``StageLogger`` gets a message."""
        if message == "begin":
            self._clock = time.monotonic()
            self._complete = arguments["complete"]
            self._begun = {"start": time.time(), "origin": origin()}
            begun, self._begun["environment"] = dict(self._begun), arguments["environment"]
            return arguments | begun
        if message == "end":
            return {"folder": arguments["folder"], "note": self._save(**arguments)}
        return arguments

    def _save(self, folder: str, seconds: list[float]) -> Provenance:
        """Write the note of a training that has ended; it is optional.

        A training that had ended before has a note already, unless its process was killed.
        """
        record = load_record(Path(folder))
        if self._complete and (notes := load_provenances(record)):
            return notes[-1]
        end = self._begun["start"] + time.monotonic() - self._clock
        note = cast(Provenance, self._begun | {"end": end, "seconds": seconds})
        try:
            save_provenance(record, note)
        except OSError as error:
            warn(
                f"{NOTES} cannot be written ({error.strerror}), so the durations of this training "
                "are not recorded; free space or allow access; no other result is affected"
            )
        return note
