/* SPDX-License-Identifier: MIT */
/* berth import: images from files, or from another registry's tree. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/plain.h"
#include "carrying.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/tree.h"
#include "driver/driver_fs.h"
#include "oci/docker_archive.h"
#include "oci/image_layout.h"
#include "other_tree.h"
#include "shipment.h"

struct words {
    const char *file; /* of the settings; NULL = the usual one */
    const char *tree; /* of another registry */
    bool link, json;
    char **rest; /* FROM [REPOSITORY[:TAG]], or with a tree repositories */
};

static int parse_words(char **words, struct words *out)
{
    char **end = words;

    out->rest = words;
    while (*words != NULL)
        if (!command_value(&words, "-c", &out->file) &&
            !command_value(&words, "--tree", &out->tree) &&
            !command_flag(&words, "--link", &out->link) &&
            !command_flag(&words, "--json", &out->json) &&
            !command_word(&words, &end))
            return -1;
    *end = NULL;
    if (out->tree != NULL)
        return 0;
    return out->link || end == out->rest || end > out->rest + 2 ? -1 : 0;
}

/* --- a tree --- */

static int check_names(char **names, struct err *err)
{
    for (; *names != NULL; names++)
        if (!name_is_valid(span_of(*names)))
            return err_set(err, ERR_NAME_INVALID, "%s is no repository name",
                           *names);
    return 0;
}

static int import_tree(const struct words *words)
{
    CLEANUP(tree) struct tree tree = {0};
    CLEANUP(other_tree) struct other_tree other = OTHER_TREE_INIT;
    struct carrying carrying = {.what = "importing", .json = words->json};
    struct settings settings;
    struct err err = {0};
    int result;

    if (check_names(words->rest, &err) < 0 ||
        settings_load(words->file, &settings, &err) < 0 ||
        other_tree_find(words->tree, &settings, false, &other, &err) < 0 ||
        tree_open_or_make(&settings, &tree, &err) < 0 ||
        other_tree_check(&other, &tree, &err) < 0 ||
        other_tree_open(&other, false, &err) < 0)
        return command_failed(&err);
    if (words->rest[0] != NULL)
        carrying.only = (const char *const *)words->rest;
    carrying.carry =
        (struct carry){.from = &other.store,
                       .to = &tree.store,
                       .manner = CARRY_AS_PUSH,
                       .sparse = settings.sparse,
                       .is_live = true,
                       .share = words->link ? driver_fs_share : NULL,
                       .verify_shared = true};
    result = carrying_run(&carrying, &err);
    if (result == 0)
        carrying_print(&carrying, "imported");
    return carrying_status(&carrying, result, &err);
}

/* --- files --- */

static int open_from(const char *from, struct err *err)
{
    int fd = strcmp(from, "-") == 0
                 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                 : open(from, O_RDONLY | O_NOCTTY | O_CLOEXEC);

    return fd >= 0 ? fd : err_set_errno(err, errno, "%s", from);
}

/* Takes `fd`. */
static int run(struct shipment *shipment, int fd, const char *from,
               struct err *err)
{
    struct bundle_file ignored;

    if (bundle_open(fd, from, &shipment->bundle, err) < 0)
        return -1;
    if (bundle_find(shipment->bundle, IMAGE_LAYOUT_FILE, &ignored, err) == 0)
        return shipment_run_layout(shipment, err);
    if (err->code != ERR_NOT_FOUND)
        return -1;
    err_clear(err);
    if (bundle_find(shipment->bundle, DOCKER_ARCHIVE_MANIFEST, &ignored, err) ==
        0)
        return shipment_run_docker(shipment, err);
    if (err->code != ERR_NOT_FOUND)
        return -1;
    return err_set(err, ERR_SYNTAX,
                   "%s holds no images: there is neither " IMAGE_LAYOUT_FILE
                   " nor " DOCKER_ARCHIVE_MANIFEST " in it",
                   from);
}

/* What archives call their parts may be in the text. */
static int import_failed(const struct err *err)
{
    CLEANUP(buf) struct buf shown = BUF_INIT(8 * ERR_TEXT_MAX);
    struct err plain = {0};

    plain_add(&shown, span_of(err->text));
    err_set(&plain, err->code, "%s", buf_text(&shown));
    return command_failed(&plain);
}

static int import_files(const struct words *words)
{
    CLEANUP(tree) struct tree tree = {0};
    CLEANUP(shipment)
    struct shipment shipment = {.tree = &tree, .json = words->json};
    const char *from = words->rest[0], *name = words->rest[1];
    struct settings settings;
    struct err err = {0};
    int fd, result;

    if (name != NULL &&
        image_reference_parse(span_of(name), &shipment.given, &err) < 0)
        return command_failed(&err);
    if (shipment.given.has_digest)
        return COMMAND_USAGE;
    /* Opened by whoever calls, who may not be who works on the tree. */
    fd = open_from(from, &err);
    if (fd < 0 || settings_load(words->file, &settings, &err) < 0 ||
        tree_open_or_make(&settings, &tree, &err) < 0)
        return command_failed(&err);
    result = run(&shipment, fd, from, &err);
    if (result == 0)
        shipment_print(&shipment);
    else if (interrupt_came())
        return COMMAND_INTERRUPTED;
    return result == 0 ? EXIT_SUCCESS : import_failed(&err);
}

int command_import(char **argv)
{
    struct words words = {0};

    if (parse_words(argv, &words) < 0)
        return COMMAND_USAGE;
    interrupt_catch();
    return words.tree != NULL ? import_tree(&words) : import_files(&words);
}
