"""Python values as JSON with type tags, for suites and for what a sandboxed child sends back.

Plain JSON loses tuples, sets, bytes, NaN and non-string keys. A tag is an object with one
key that begins with `$`. This file imports the standard library only: the sandboxed child
loads it by path, before any foreign code runs.

====================  =========================================
JSON                  Python
====================  =========================================
``{"$none": true}``   ``None`` (TOML has no null)
``{"$tuple": [...]}``  ``tuple``
``{"$set": [...]}``    ``set``
``{"$frozenset": []}`` ``frozenset``
``{"$dict": [[k, v]]}`` ``dict`` with keys of any type, in order
``{"$float": "nan"}``  ``nan``, ``inf``, ``-inf``, ``-0.0``
``{"$int": "12"}``     an ``int`` of any size
``{"$bytes": "6869"}`` ``bytes``, in hexadecimal
``{"$complex": [r, i]}`` ``complex``
====================  =========================================
"""
