"""The process beside a stage: what to log comes as lines of JSON on standard input.

With ``--send`` it sends what is kept from earlier, and that is all.
"""

import json
import sys
import warnings

from src.common.errors import run
from src.tracking.session import Session


def main() -> None:
    warnings.simplefilter("ignore")  # MLflow's, to those who write programs with it
    session = Session()
    if "--send" in sys.argv:
        session.send()
        return
    session.warm_up()
    for line in sys.stdin:
        what, details = json.loads(line)
        session.take(what, details)
    session.close()


if __name__ == "__main__":
    run(main)
