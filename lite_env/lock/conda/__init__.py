"""The one folder that talks to rattler: its types, its errors and its event loop end here.

Measured traps of py-rattler 0.28 that it is shaped by:

* Misuse raises ``PanicException``, a BaseException: it becomes a :class:`LiteEnvError` here.
* It links what it fetches in one step. So all is downloaded, hashed and looked at here, and rattler is given files, of
  which it checks no hash, and a client that cannot connect.
* Files are hard links to the package cache unless the configuration says otherwise.
* The package cache replaces what is damaged in it without a word, and only with ``ValidationMode.full``.
* There is no offline switch: with an empty list of mirrors for every host, a request fails before it connects.
* ``strict`` channel priority does not hold for what is asked for directly: see ``solve.py``.
"""
