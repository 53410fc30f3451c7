assert 6 * 7 == 42
