import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importedModules } from '../src/kernel/imports';

const CASES: [string, string[]][] = [
  ['import numpy', ['numpy']],
  ['import numpy as np, pandas.io.json as j', ['numpy', 'pandas']],
  ['from scipy.linalg import inv', ['scipy']],
  ['from matplotlib import (\n  pyplot as plt,\n  cm,\n)', ['matplotlib']],
  ['from . import x\nfrom .y import z', []],
  ['x = 1; import a; import b', ['a', 'b']],
  ['try: import a\nexcept ImportError:\n    import b', ['a', 'b']],
  ['if True:\n    from a.b import c', ['a']],
  ['def f(x: int = {1: 2}[1]):\n    import inside', ['inside']],
  ['# import no\nimport yes  # import no', ['yes']],
  ['"""\nimport no\n"""\nimport yes', ['yes']],
  ["s = 'import no'\ns = \"it's\"; import yes", ['yes']],
  ['f("\\"", """ " """, r\'\\\\\'); import yes', ['yes']],
  ['import a, \\\n    b', ['a', 'b']],
  ['important = 1\nfrom_x = 2\nx.import_module("n")', []],
  ['d = {"import": 1,\n "from": 2}\nimport yes', ['yes']],
  ["s = 'not closed\nimport yes", ['yes']],
  ['import numpy\nimport numpy.linalg', ['numpy']],
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
