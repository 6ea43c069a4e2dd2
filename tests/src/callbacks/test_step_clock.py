"""The times of the first step and of the others."""

import time

import pytest

from src.callbacks import step_clock


def test_the_first_step_and_what_is_between_steps_do_not_count(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(step_clock.time, "perf_counter", lambda: now[0])
    clock, before = step_clock.StepClock(), time.time()
    for begin, end in ((100.0, 107.0), (110.0, 110.5), (120.0, 122.0)):
        now[0] = begin
        clock.on_train_batch_begin(0)
        now[0] = end
        clock.on_train_batch_end(0)
    assert clock.seconds == pytest.approx(2.5)
    assert before <= clock.first_ended <= time.time()
