/* SPDX-License-Identifier: MIT */
/*
 * Runs a target over kept inputs, in place of libFuzzer: over the files named,
 * or over those in $srcdir/tests/fuzz/corpus/<target>/. The last name printed
 * before the process ends is that of the input it fell over.
 */
#include <libgen.h>

#include "base/buf.h"
#include "base/files.h"
#include "fuzz.h"

#define INPUT_MAX (1024 * 1024)

static void die(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static void replay(const char *path)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(INPUT_MAX);
    FILE *file = fopen(path, "re");
    uint8_t *exact;
    char piece[4096];
    size_t count;

    puts(path);
    fflush(stdout);
    if (file == NULL)
        die(path);
    while ((count = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_add(&bytes, (struct span){piece, count});
    if (ferror(file) || bytes.overflowed)
        die(path);
    fclose(file);
    exact = malloc(bytes.len);
    if (bytes.len > 0)
        memcpy(exact, bytes.ptr, bytes.len);
    LLVMFuzzerTestOneInput(exact, bytes.len);
    free(exact);
}

static int replay_corpus(const char *target)
{
    CLEANUP(buf) struct buf path = BUF_INIT(4096);
    const char *source = getenv("srcdir");
    struct dirent *entry;
    int count = 0;
    size_t len;

    buf_add_format(&path, "%s/tests/fuzz/corpus/%s/",
                   source != NULL ? source : ".", target);
    CLEANUP(dir) DIR *dir = opendir(buf_text(&path));
    if (dir == NULL)
        die(buf_text(&path));
    len = path.len;
    while ((entry = dir_next(dir)) != NULL) {
        buf_truncate(&path, len);
        buf_add(&path, span_of(entry->d_name));
        replay(buf_text(&path));
        count++;
    }
    return count;
}

int main(int argc, char **argv)
{
    static const char prefix[] = "fuzz_";
    const char *name = basename(argv[0]);
    int count = argc - 1;

    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    if (argc == 1 && strncmp(name, prefix, sizeof(prefix) - 1) == 0)
        count = replay_corpus(name + sizeof(prefix) - 1);
    printf("%d inputs\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
