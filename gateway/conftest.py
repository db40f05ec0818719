"""pytest names the modules of this folder after it, `gateway.tests.…`, and so hides the package of the same name."""

import importlib
import sys

if getattr(sys.modules.get("gateway"), "__file__", None) is None:
    sys.modules.pop("gateway", None)
    importlib.import_module("gateway")
