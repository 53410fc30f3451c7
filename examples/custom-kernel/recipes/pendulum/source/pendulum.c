#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>

static const double GRAVITY = 9.81; /* m/s² */
static const double PI = 3.14159265358979323846;

/* The exact period, by the arithmetic-geometric mean of 1 and cos(angle / 2). */
static PyObject *period(PyObject *module, PyObject *arguments) {
  double length, angle;
  if (!PyArg_ParseTuple(arguments, "dd:period", &length, &angle)) return NULL;
  if (!(length > 0) || !(fabs(angle) < PI)) {
    PyErr_SetString(PyExc_ValueError, "a pendulum has a length above 0 m, and an angle below half a turn");
    return NULL;
  }
  double a = 1, b = cos(angle / 2);
  while (a - b > 1e-15) {
    double mean = (a + b) / 2;
    b = sqrt(a * b);
    a = mean;
  }
  return PyFloat_FromDouble(2 * PI * sqrt(length / GRAVITY) / a);
}

static PyMethodDef functions[] = {
    {"period", period, METH_VARARGS, "period(length, angle): seconds of one swing, of metres and radians."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef pendulum = {
    PyModuleDef_HEAD_INIT, "pendulum", "The exact period of a pendulum.", 0, functions, NULL, NULL, NULL, NULL,
};

PyMODINIT_FUNC PyInit_pendulum(void) { return PyModuleDef_Init(&pendulum); }
