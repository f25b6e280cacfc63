# SPDX-License-Identifier: MIT
"""What the end-to-end tests stand on: programs, web servers, an HTTP client and test content."""
