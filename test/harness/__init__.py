# SPDX-License-Identifier: ISC
"""What the tests share; test/README.md says which module is what."""
