import numpy as np
from contourpy import LineType, contour_generator

x, y = np.meshgrid(np.linspace(-1, 1, 21), np.linspace(-1, 1, 21))
# Not "threaded": there are no threads in a browser.
for name in ("serial", "mpl2014", "mpl2005"):
    generator = contour_generator(x, y, x**2 + y**2, name=name)
    lines = generator.lines(0.25)
    if generator.line_type == LineType.SeparateCode:
        lines = lines[0]
    assert len(lines) == 1, name
    assert np.allclose(np.hypot(*lines[0].T), 0.5, atol=0.01), name
# What C++ throws becomes an error of Python.
try:
    contour_generator(x, y, x**2 + y**2, name="serial").filled(0.5, 0.25)
except ValueError:
    pass
else:
    raise AssertionError("an upper level below the lower one was taken")
