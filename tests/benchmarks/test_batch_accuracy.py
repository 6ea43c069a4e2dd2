from benchmarks.batch_accuracy import last_epoch


def test_the_accuracy_is_computed_after_each_batch(digits):
    accuracies = last_epoch(digits, digits, seed=1)
    assert len(accuracies) == 1437 // 128
    assert len(set(accuracies)) > 1
