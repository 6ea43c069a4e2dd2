import keras

from benchmarks.tensorboard import time_methods


def test_each_timed_call_reaches_the_callback(tmp_path):
    callback = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    seconds = time_methods(callback)
    callback.on_train_begin()
    callback.set_model(keras.Sequential())
    callback.on_epoch_end(0, logs={"loss": 0.5})
    callback.on_train_end()
    assert "0,0.5" in (tmp_path / "log.csv").read_text()
    assert len(seconds) == 3
