# SPDX-License-Identifier: MIT OR Apache-2.0
"""The tests of the driver itself."""
