import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importedModules, ofNearest } from '../src/kernel/imports';

const CASES: [string, string[]][] = [
  ['import numpy', ['numpy']],
  ['import numpy as np, pandas.io.json as j', ['numpy', 'pandas.io.json']],
  ['from scipy.linalg import inv', ['scipy.linalg', 'scipy.linalg.inv']],
  ['from scipy import stats, optimize as opt', ['scipy', 'scipy.stats', 'scipy.optimize']],
  ['from sklearn.linear_model import *', ['sklearn.linear_model']],
  ['import a . b as c; from a . b import c', ['a.b', 'a.b.c']],
  ['from a import b # c\nimport matplotlib.pyplot as plt', ['a', 'a.b', 'matplotlib.pyplot']],
  ['from matplotlib import (\n  pyplot as plt,\n  cm,\n)', ['matplotlib', 'matplotlib.pyplot', 'matplotlib.cm']],
  ['from . import x\nfrom .y import z', []],
  ['x = 1; import a; import b', ['a', 'b']],
  ['try: import a\nexcept ImportError:\n    import b', ['a', 'b']],
  ['if True:\n    from a.b import c', ['a.b', 'a.b.c']],
  ['def f(x: int = {1: 2}[1]):\n    import inside', ['inside']],
  ['# import no\nimport yes  # import no', ['yes']],
  ['"""\nimport no\n"""\nimport yes', ['yes']],
  ["s = 'import no'\ns = \"it's\"; import yes", ['yes']],
  ['f("\\"", """ " """, r\'\\\\\'); import yes', ['yes']],
  ['import a, \\\n    b', ['a', 'b']],
  ['important = 1\nfrom_x = 2\nx.import_module("n")', []],
  ['d = {"import": 1,\n "from": 2}\nimport yes', ['yes']],
  ["s = 'not closed\nimport yes", ['yes']],
  ['import numpy\nimport numpy.linalg', ['numpy', 'numpy.linalg']],
  ['%matplotlib inline\n!pip list\nimport yes', ['yes']],
  ['import modül', ['modül']],
  ['import', []],
  ['from x', []],
  ['', []],
];

for (const [code, expected] of CASES) {
  test(`imports of ${JSON.stringify(code)}`, () => {
    assert.deepEqual(importedModules(code), expected);
  });
}

test('a module that is not in the table has what the nearest package above it has', () => {
  const table = new Map([
    ['scipy', 1],
    ['scipy.stats', 2],
  ]);
  const names = ['scipy', 'scipy.stats', 'scipy.stats.norm.x', 'scipy.linalg', 'scipyx', 'numpy.scipy', ''];
  assert.deepEqual(
    names.map(name => ofNearest(table, name)),
    [1, 2, 2, 1, undefined, undefined, undefined]
  );
});
