"""What every process of the rig shares: imported before the first of them is forked."""

from svc_local.supervisor import import_libraries

import_libraries()
