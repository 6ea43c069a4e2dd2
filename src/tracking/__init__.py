"""MLflow: a run for each training, test results, comparisons, and the model registry.

``metrics/`` is the authoritative record; MLflow is where people view it. Nothing here raises: a
store that fails costs a few seconds and one warning. ``sync`` later logs what is missing.

MLflow takes seconds to import, and its store can be slow. Therefore stages send messages to a
process in the background, ``python -m src.tracking``, and never wait for it before their end.
"""

from src.tracking.background import Log, background_logger

__all__ = ["Log", "background_logger"]
