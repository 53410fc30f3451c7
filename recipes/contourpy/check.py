import numpy as np
from contourpy import contour_generator

x, y = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21))
for name in ("serial", "threaded", "mpl2014", "mpl2005"):
    if name == "threaded":  # no threads in a browser
        continue
    lines = contour_generator(x, y, x**2 + y**2, name=name).lines(0.25)
    assert len(lines) == 1, name
    assert np.allclose(np.hypot(*lines[0].T), 0.5, atol=0.01), name
try:
    contour_generator(x, y, x[:2])
except ValueError:
    pass
else:
    raise AssertionError("shapes that do not fit")
