/* SPDX-License-Identifier: MIT */
/*
 * A berth.conf, read as a file and line by line as a request's parameters:
 * what was accepted is within its limits, and prints as a file that says the
 * same.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/files.h"
#include "base/num.h"
#include "store/settings.h"

static int load(struct span bytes, struct settings *out, struct err *err)
{
    CLEANUP(fd) int fd = memfd_create("berth.conf", MFD_CLOEXEC);
    struct err ignored = {0};
    char path[64];

    MUST(fd >= 0 && fd_write_at(fd, 0, bytes, &ignored) == 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return settings_load(path, out, err);
}

static void check_settings(const struct settings *settings)
{
    CLEANUP(buf) struct buf once = BUF_INIT(64 * 1024);
    CLEANUP(buf) struct buf twice = BUF_INIT(64 * 1024);
    struct settings again;
    struct err err = {0};

    MUST(settings->root[0] == '/');
    MUST(memchr(settings->root, '\0', sizeof(settings->root)) != NULL);
    MUST(settings->grace >= 1 && settings->grace <= 31536000);
    MUST(settings->manifest_limit >= 4096 &&
         settings->manifest_limit <= 16 * 1024 * 1024);
    MUST(settings->catalog_limit >= 1 && settings->catalog_limit <= 50000);
    MUST(settings->free_floor.percent < 100);
    MUST(settings->free_floor.percent == 0 || settings->free_floor.bytes == 0);
    MUST(settings->blob_transfer <= BLOB_TRANSFER_SENDFILE);
    MUST(settings->log <= LOG_ERRORS);
    settings_print(settings, &once);
    MUST(load(buf_span(&once), &again, &err) == 0);
    settings_print(&again, &twice);
    MUST(span_equals(buf_span(&once), buf_span(&twice)));
}

/* "delete = no" as "BERTH_DELETE = no". */
static void check_parameters(struct span bytes, const struct settings *start)
{
    CLEANUP(buf) struct buf all = BUF_INIT(1 << 21);
    const char *parameters[32];
    size_t starts[32], count = 0;
    struct settings settings = *start;
    struct err err = {0};

    while (bytes.len > 0 && count + 1 < ARRAY_SIZE(parameters)) {
        struct span line = span_cut(&bytes, '\n');

        starts[count++] = all.len;
        buf_add(&all, SPAN("BERTH_"));
        buf_add(&all, line);
        buf_add_char(&all, '\0');
    }
    for (size_t i = 0; i < count; i++)
        parameters[i] = buf_text(&all) + starts[i];
    parameters[count] = NULL;
    if (settings_override(&settings, parameters, &err) == 0)
        check_settings(&settings);
    else
        MUST(err.code == ERR_SYNTAX);
}

static void check_numbers(struct span text)
{
    uint64_t plain, other;

    if (num_parse(text, UINT64_MAX, &plain) < 0)
        return;
    MUST(num_parse_size(text, &other) == 0 && other == plain);
    MUST(num_parse_duration(text, &other) == 0 && other == plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span bytes = fuzz_input(data, size);
    struct settings settings;
    struct err err = {0};

    if (load(SPAN(""), &settings, &err) < 0)
        fuzz_fail(err.text, __FILE__, __LINE__);
    check_parameters(bytes, &settings);
    if (load(bytes, &settings, &err) == 0)
        check_settings(&settings);
    else
        MUST(err.code == ERR_SYNTAX && err.text[0] == '/');
    check_numbers(bytes);
    return 0;
}
