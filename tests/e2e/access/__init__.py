# SPDX-License-Identifier: MIT
"""Who may do what: a policy, people, and a registry that goes by it, as the tests of access see them."""
