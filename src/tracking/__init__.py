"""MLflow: a run for each training, test results, comparisons, and the model registry.

``metrics/`` is the authoritative record; MLflow is where people view it. Nothing here raises: a
store that fails costs a few seconds and one warning. ``sync`` later logs what is missing.

MLflow takes seconds to import. Therefore stages send messages to a process in the background,
``python -m src.tracking``, which imports it and connects while the stage is busy.
"""

from src.tracking.background import Log, background_logger

__all__ = ["Log", "background_logger"]
