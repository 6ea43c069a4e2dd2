"""The background process of a stage: reads messages, lines of JSON, from standard input."""

import json
import sys
import warnings

from src.common.errors import run
from src.tracking.stage_logger import StageLogger


def main() -> None:
    warnings.simplefilter("ignore")  # MLflow's warnings address developers
    logger = StageLogger()
    logger.connect()
    for line in sys.stdin:
        message, arguments = json.loads(line)
        getattr(logger, message)(**arguments)
    logger.close()


if __name__ == "__main__":
    run(main)
