"""MLflow: a run for each training, test results, and the model registry.

The files in ``models/``, ``metrics/`` and ``logs/trainings/`` are the truth. Nothing here stops a
stage: a store that fails costs a limited time and one warning. No other package imports MLflow.
"""
