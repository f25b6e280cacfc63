/* SPDX-License-Identifier: MIT */
/*
 * "NAME=VALUE" lines, which REGISTRY_ is put before, an empty line, and a
 * configuration of registry:2 in YAML: its tree keeps to the limits, and what
 * import-config makes of it is a berth.conf that the programs take.
 */
#include "fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/files.h"
#include "base/yaml_tree.h"
#include "cli/command.h"
#include "store/settings.h"

#define VARIABLES_MAX 16

/* A file in memory, by a name. */
struct memory_file {
    int fd;
    char path[64];
};

static struct memory_file memory_file(const char *name)
{
    struct memory_file file = {.fd = memfd_create(name, MFD_CLOEXEC)};

    MUST(file.fd >= 0);
    snprintf(file.path, sizeof(file.path), "/proc/self/fd/%d", file.fd);
    return file;
}

static size_t count_nodes(const struct yaml_tree *node, size_t depth)
{
    size_t count = 1;

    MUST(depth <= YAML_DEPTH_MAX && node->origin != NULL);
    MUST((node->kind == YAML_SCALAR) == (node->text != NULL));
    MUST(node->kind != YAML_SCALAR || node->child == NULL);
    for (const struct yaml_tree *child = node->child; child != NULL;
         child = child->next) {
        MUST((node->kind == YAML_MAPPING) == (child->key != NULL));
        MUST(child->key == NULL || yaml_tree_member(node, child->key) == child);
        count += count_nodes(child, depth + 1);
    }
    return count;
}

static void check_tree(struct span yaml)
{
    CLEANUP(yaml_tree) struct yaml_tree *tree = NULL;
    struct err err = {0};

    if (yaml_tree_parse(yaml, "here", &tree, &err) < 0)
        MUST(tree == NULL && strncmp(err.text, "here:", 5) == 0);
    else
        MUST(count_nodes(tree, 0) <= YAML_NODES_MAX);
}

/* berth import-config FILE, which prints into `out`. */
static int command(struct memory_file *file, struct memory_file *out,
                   char **variables)
{
    static FILE *nowhere;
    FILE *old_out = stdout, *old_err = stderr;
    char **old_environ = environ;
    int status;

    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "we");
    MUST(nowhere != NULL && (stdout = fopen(out->path, "we")) != NULL);
    stderr = nowhere;
    environ = variables;
    status = command_import_config((char *[]){file->path, NULL});
    environ = old_environ;
    stderr = old_err;
    fclose(stdout);
    stdout = old_out;
    return status;
}

/* The lines up to an empty one; returns how many. */
static size_t take_variables(struct span *rest, char **variables)
{
    size_t count = 0;

    while (rest->len > 0) {
        struct span line = span_cut(rest, '\n');
        CLEANUP(fuzz_text) char *text = fuzz_text(line);

        if (line.len == 0)
            break;
        if (count < VARIABLES_MAX)
            MUST(asprintf(&variables[count++], "REGISTRY_%s", text) > 0);
    }
    variables[count] = NULL;
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory_file file = memory_file("config.yml");
    struct memory_file out = memory_file("berth.conf");
    struct span rest = fuzz_input(data, size);
    char *variables[VARIABLES_MAX + 1];
    size_t count = take_variables(&rest, variables);
    struct settings settings;
    struct err err = {0};
    int status;

    check_tree(rest);
    MUST(fd_write_at(file.fd, 0, rest, &err) == 0);
    status = command(&file, &out, variables);
    if (status == EXIT_FAILURE)
        MUST(lseek(out.fd, 0, SEEK_END) == 0);
    else if (settings_load(out.path, &settings, &err) < 0)
        fuzz_fail(err.text, __FILE__, __LINE__);
    close(file.fd);
    close(out.fd);
    for (size_t i = 0; i < count; i++)
        free(variables[i]);
    return 0;
}
