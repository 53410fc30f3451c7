from kiwisolver import (
    DuplicateConstraint,
    DuplicateEditVariable,
    Solver,
    UnknownConstraint,
    UnknownEditVariable,
    UnsatisfiableConstraint,
    Variable,
)

x, y = Variable("x"), Variable("y")
solver = Solver()
solver.addConstraint(x >= 10)
solver.addConstraint(y == 2 * x + 1)
solver.updateVariables()
assert (x.value(), y.value()) == (10.0, 21.0)
solver.addEditVariable(x, "strong")
solver.suggestValue(x, 12)
solver.updateVariables()
assert (x.value(), y.value()) == (12.0, 25.0)
fixed = x == 12
solver.addConstraint(fixed)


# Each of these is thrown by C++, caught there, and becomes an error of Python. Twice, so that what the first one has
# unwound is sound.
refused = [
    (UnsatisfiableConstraint, solver.addConstraint, [x == 13]),
    (DuplicateConstraint, solver.addConstraint, [fixed]),
    (UnknownConstraint, solver.removeConstraint, [y == 3]),
    (DuplicateEditVariable, solver.addEditVariable, [x, "weak"]),
    (UnknownEditVariable, solver.suggestValue, [Variable("z"), 1]),
]
for error, call, arguments in refused * 2:
    try:
        call(*arguments)
    except error:
        continue
    raise AssertionError(f"{call.__name__} did not raise {error.__name__}")

solver.removeConstraint(fixed)
solver.suggestValue(x, 15)
solver.updateVariables()
assert (x.value(), y.value()) == (15.0, 31.0)
