"""Whether a package may enter a channel: what its compiled code needs, and what it would run in.

The library's interface, for those who build packages::

    runtime = read_runtime(Path("channels/emscripten-forge-2023"))
    libraries = read_libraries(depends, [Path("channels/emscripten-forge-2023")])
    for finding in audit_package(package, runtime=runtime, libraries=libraries, host_paths=[str(work)]):
        print(finding.severity, finding.rule, finding.file, finding.message, finding.hint)
"""

from lite_env.audit.model import Audit, Finding, Severity
from lite_env.audit.run import audit, audit_package, read_libraries, read_runtime
from lite_env.audit.runtime import Runtime
from lite_env.audit.subject import Libraries

__all__ = [
    "Audit",
    "Finding",
    "Libraries",
    "Runtime",
    "Severity",
    "audit",
    "audit_package",
    "read_libraries",
    "read_runtime",
]
