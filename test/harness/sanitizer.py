# SPDX-License-Identifier: ISC
"""Programs that were built with the address and the undefined behaviour sanitizers, and what these say."""
import re

# One fails an allocation as others do, and a process that has a report or a leak ends with 99.
STATUS = 99
ENV = {"ASAN_OPTIONS": "verify_asan_link_order=0:allocator_may_return_null=1:handle_abort=1:"
                       f"fast_unwind_on_malloc=0:exitcode={STATUS}",
       "UBSAN_OPTIONS": f"print_stacktrace=1:halt_on_error=1:exitcode={STATUS}"}
# What libraries do when a call fails, whoever calls them.
THEIRS = re.compile(r"nss_|__nss|getpwnam|getgr|sqlite3|libcrypto|OPENSSL|libldap|libpq|idn2_|CRYPTO_"
                    r"|OBJ_|ERR_|json_|_IO_|__libc_start|ub_|libunbound|_dl_allocate_tls|getaddrinfo|generate_addrinfo|/ld-linux")
# "has encountered a fatal error" is none: without the rights that a failed call took, a process cannot
# look for its leaks.
REPORT = re.compile(r"ERROR: (?:Address|(Leak))Sanitizer: |runtime error: ")
FRAME = re.compile(r"^ +#\d+ 0x[0-9a-f]+ (?:in )?(.*)$", re.MULTILINE)


def report(text):
    """What a program said when it is to blame: "crash" or "leak", else "". Libraries are to blame when
    in each stack the first function that is known is one of theirs, and not one of ours."""
    found = REPORT.search(text)
    if not found:
        return ""
    stacks = re.split(r"^ +#0 ", text, flags=re.MULTILINE)[1:]
    if stacks and all(_first_is_theirs("    #0 " + stack) for stack in stacks):
        return ""
    return "leak" if found[1] else "crash"


def _first_is_theirs(stack):
    for frame in FRAME.findall(stack):
        if "libsanitizer" in frame or "test/torture/" in frame:
            continue
        if "/src/" in frame:
            return False
        if THEIRS.search(frame):
            return True
    return False
