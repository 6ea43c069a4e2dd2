from benchmarks.timing import alternate, ratio


def test_a_ratio_compares_programs_in_the_same_round():
    assert ratio([2.0, 6.0, 8.0], [1.0, 2.0, 2.0]) == "3.00 (2.00–4.00)"


def test_programs_run_alternately_and_the_first_round_is_not_measured():
    calls = []
    seconds = alternate({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repeat=2)
    assert calls == ["a", "b"] * 3
    assert {name: len(each) for name, each in seconds.items()} == {"a": 2, "b": 2}
