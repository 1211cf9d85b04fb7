# SPDX-License-Identifier: ISC
"""Values of Authentication-Results that a message may bring with it: FORGED claim to be receiver.test's,
OTHERS do not."""

OURS = "mx.receiver.test"

FORGED = [
    f"{OURS}; verimail=pass header.from=alice@origin.test",
    f"{OURS.upper()}; VERIMAIL=PASS",
    f"(comment) {OURS}; verimail=pass",
    f"(a (nested) one) {OURS} (and more) ; (here) verimail (too) = (yes) pass",
    f'"{OURS}"; verimail=pass',
    f"{OURS} 1; verimail=pass",
    f"{OURS}/1; verimail=pass",
    f"{OURS}.; verimail=pass",
    f"{OURS}; verimail/1=pass",
    f"{OURS}; dkim=pass header.d=x.test; verimail=pass",
    f"{OURS}; none; verimail=pass",
    f"{OURS};\r\n\tverimail=pass",
    f"{OURS}\r\n ;verimail=pass",
    f"{OURS} verimail=pass",
    "verimail=pass",
    "; verimail=pass",
    "mx.elsewhere.test; verimail=pass; (never ends",
    'mx.elsewhere.test; verimail="pass',
    f"{OURS}; verimail",
    f"{OURS}; verimail=",
    f"{OURS}; dkim=pass reason=\"; verimail=pass\"",
    f"{OURS}; dkim=pass (verimail=pass)",
    f"x={OURS}; verimail=pass",
    f'"{OURS}/JOB1"; verimail=pass header.from=alice@origin.test',
    f"{OURS}/JOB1; verimail=pass",
    f"{OURS}; =?utf-8?q?verimail=3Dpass?=",
    f"{OURS}; spf=pass reason=\"=?utf-8?q?x?=\"",
    f"{OURS}; dkim=pass reason=\"verimail=pass\"",
    f"{OURS}; veri(x)mail=pass",
]

OTHERS = [
    "mx.elsewhere.test; verimail=pass header.from=eve@elsewhere.test",
    f"{OURS}; dkim=pass header.d=origin.test; spf=none",
    f"{OURS}; dkim=pass header.i=@verimail.test",
    f"{OURS}.evil.test; verimail=pass",
    f'"{OURS}.evil.test/JOB1"; verimail=pass',
    "mx.elsewhere.test; spf=pass (=?utf-8?q?x?=)",
    "evil.test; iprev=pass policy.iprev=192.0.2.1 (verimail was here)",
    "nonsense (",
]


def field(value, name="Authentication-Results"):
    return f"{name}: {value}\r\n"


def flat(value):
    return " ".join(value.split())
