from kiwisolver import Solver, UnsatisfiableConstraint, Variable

x, y = Variable("x"), Variable("y")
solver = Solver()
solver.addConstraint(x >= 10)
solver.addConstraint(y == 2 * x + 1)
solver.updateVariables()
assert (x.value(), y.value()) == (10.0, 21.0)
solver.addConstraint(x == 12)
try:
    solver.addConstraint(x == 13)
except UnsatisfiableConstraint:
    pass
else:
    raise AssertionError("two values at once")
