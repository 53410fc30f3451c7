"""What every notebook of the course finds before its first cell."""

import numpy as np
from pendulum import period

GRAVITY = 9.81  # m/s²


def fall(height: float) -> float:
    """Seconds that a stone takes to fall from `height` metres."""
    return float(np.sqrt(2 * height / GRAVITY))


print("Lab course: np, GRAVITY, fall() and period() are there")
