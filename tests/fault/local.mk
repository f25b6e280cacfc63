# SPDX-License-Identifier: MIT
#
# Whole campaigns, which take minutes; short forms of kills, faults, reloads
# and collecting are tests of tests/e2e.

kills: all
	BERTH_BUILD='$(abs_builddir)' $(PYTHON3) '$(srcdir)/tests/fault/kills.py' \
		$(KILLS_ARGS)
faults: all $(fault_programs)
	BERTH_BUILD='$(abs_builddir)' $(PYTHON3) '$(srcdir)/tests/fault/faults.py' \
		$(FAULTS_ARGS)
reloads: all
	BERTH_BUILD='$(abs_builddir)' $(PYTHON3) '$(srcdir)/tests/fault/reloads.py' \
		$(RELOADS_ARGS)
collecting: all
	BERTH_BUILD='$(abs_builddir)' $(PYTHON3) \
		'$(srcdir)/tests/fault/collecting.py' $(COLLECTING_ARGS)
mutants:
	$(PYTHON3) '$(srcdir)/tests/fault/mutants.py' $(MUTANTS_ARGS)
.PHONY: kills faults reloads collecting mutants

EXTRA_DIST += \
	tests/fault/collecting.py tests/fault/collecting_clients.py \
	tests/fault/collecting_hurt.py tests/fault/collecting_indexes.py \
	tests/fault/collecting_ledger.py \
	tests/fault/collecting_mixes.py tests/fault/collecting_requests.py \
	tests/fault/collecting_stack.py tests/fault/collecting_verdict.py \
	tests/fault/content.py tests/fault/faults.py tests/fault/kills.py \
	tests/fault/ledger.py tests/fault/mutants.py tests/fault/mutants.txt \
	tests/fault/oracle.py tests/fault/puller.py tests/fault/pusher.py \
	tests/fault/reloads.py tests/fault/stack.py tests/fault/tree.py tests/fault/uploads.py \
	tests/fault/wire.py
