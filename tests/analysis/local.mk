# SPDX-License-Identifier: MIT
#
# The same code under other eyes. Each target builds in a directory of its own
# below this build, and takes minutes; the scripts say what they do.

coverage:
	'$(srcdir)/tests/analysis/coverage.sh' '$(abs_builddir)/build-coverage'
analyze:
	'$(srcdir)/tests/analysis/analyze.sh' '$(abs_builddir)/build-analyze'
check-sanitizers:
	'$(srcdir)/tests/analysis/sanitizers.sh' \
		'$(abs_builddir)/build-sanitizers' $(PYTEST_ARGS)
check-valgrind:
	'$(srcdir)/tests/analysis/valgrind.sh' '$(abs_builddir)/build-valgrind'
.PHONY: coverage analyze check-sanitizers check-valgrind

EXTRA_DIST += .clang-tidy tests/analysis
