# SPDX-License-Identifier: MIT
#
# The fuzz targets; fuzz.h says what they are. In a build for libFuzzer
# (configure --enable-fuzzer) they have its main(), else that of replay.c, and
# make check runs the inputs that are kept.

fuzz_programs = \
	tests/fuzz/fuzz_answer \
	tests/fuzz/fuzz_archive \
	tests/fuzz/fuzz_clock \
	tests/fuzz/fuzz_config \
	tests/fuzz/fuzz_fastcgi \
	tests/fuzz/fuzz_hash_state \
	tests/fuzz/fuzz_import \
	tests/fuzz/fuzz_json \
	tests/fuzz/fuzz_link \
	tests/fuzz/fuzz_manifest \
	tests/fuzz/fuzz_name \
	tests/fuzz/fuzz_policy \
	tests/fuzz/fuzz_range \
	tests/fuzz/fuzz_request \
	tests/fuzz/fuzz_routes \
	tests/fuzz/fuzz_rules \
	tests/fuzz/fuzz_token \
	tests/fuzz/fuzz_upload

check_LIBRARIES = tests/fuzz/libfuzz.a
tests_fuzz_libfuzz_a_SOURCES = \
	tests/fuzz/asker.c tests/fuzz/asker.h \
	tests/fuzz/fuzz.h tests/fuzz/plain_pattern.h \
	fcgi/blob.c fcgi/catalog.c fcgi/manifest.c \
	fcgi/multipart.c fcgi/multipart.h \
	fcgi/referrers.c fcgi/tags.c fcgi/upload.c fcgi/version.c
if !FUZZER
tests_fuzz_libfuzz_a_SOURCES += tests/fuzz/replay.c
endif
fuzz_libs = tests/fuzz/libfuzz.a libserve.a $(core_libs) $(FUZZ_ENGINE)

tests_fuzz_fuzz_answer_SOURCES = tests/fuzz/fuzz_answer.c \
	src/cli/web/web_answer.c src/cli/web/web_answer.h \
	src/cli/web/web_challenge.c src/cli/web/web_challenge.h
tests_fuzz_fuzz_answer_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_archive_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_clock_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_config_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_fastcgi_LDADD = $(fuzz_libs) $(FCGI_LIBS)
tests_fuzz_fuzz_hash_state_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_import_SOURCES = tests/fuzz/fuzz_import.c \
	src/cli/command.c src/cli/command.h \
	src/cli/import/import.h \
	src/cli/import/import_config.c src/cli/import/import_settings.c \
	src/cli/import/import_environment.c \
	src/cli/import/import_environment.h \
	src/cli/import/import_rules.c src/cli/import/import_rules.h
tests_fuzz_fuzz_import_LDADD = $(fuzz_libs) $(YAML_LIBS)
tests_fuzz_fuzz_json_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_link_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_manifest_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_name_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_policy_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_range_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_request_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_routes_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_rules_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_token_LDADD = $(fuzz_libs)
tests_fuzz_fuzz_upload_LDADD = $(fuzz_libs)

# TIME seconds for each target, or for those named by FUZZ.
fuzz:
	'$(srcdir)/tests/fuzz/fuzz.sh' '$(abs_builddir)/build-fuzz' \
		'$(TIME)' $(FUZZ)
.PHONY: fuzz

EXTRA_DIST += tests/fuzz/corpus tests/fuzz/dictionary tests/fuzz/fuzz.sh
