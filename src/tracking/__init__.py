"""MLflow: a run for each training, test results, and the model registry.

The files in ``models/``, ``metrics/`` and ``logs/trainings/`` are the truth: ``sync`` logs what the
store lacks of them. While a training runs, ``live`` shows its curves. Nothing here stops a stage: a
store that fails costs a limited time and one warning. No other package imports MLflow.
"""
