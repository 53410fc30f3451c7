import math

from pendulum import period

# Small swings: the formula of the school. Large ones take longer: 18.03 % at a right angle.
assert math.isclose(period(1.0, 1e-6), 2 * math.pi * math.sqrt(1.0 / 9.81))
assert round(period(1.0, math.pi / 2) / period(1.0, 0.0), 4) == 1.1803
for length, angle in ((0.0, 1.0), (1.0, 4.0), (1.0, math.nan)):
    try:
        period(length, angle)
    except ValueError:
        pass
    else:
        raise AssertionError(f"no pendulum, and it swings: {length} m, {angle} rad")
