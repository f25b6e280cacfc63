/* SPDX-License-Identifier: MIT */
/* Blobs and links while the storage fails. */
#include "store/blob.h"

#include <string.h>

#include "base/clock.h"
#include "store/catalog.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/sweep.h"

TestSuite(fault_blob, .init = sweep_begin, .fini = sweep_end);

static int find(struct err *error)
{
    struct blob blob = {.size = 0};

    if (blob_find(&store, "a", &world.layer, &blob, error) < 0)
        return -1;
    EXPECT(blob.size == strlen("layer"));
    return 0;
}

Test(fault_blob, find)
{
    sweep(&(struct sweep){.run = find});
}

static struct layout_path layer_link(void)
{
    return layout_layer_link("a", &world.layer);
}

static void age_layer(void)
{
    sweep_age(layer_link().text);
    sweep_age(layout_blob(&world.layer).text);
}

static int lease(struct err *error)
{
    struct blob blob;

    return blob_lease(&store, "a", &world.layer, &blob, error);
}

/* A collector that begins now spares it. */
static void expect_leased(void)
{
    struct layout_path paths[] = {layer_link(), layout_blob(&world.layer)};

    /* Nothing is collected from a storage mounted read-only. */
    if (sweep_plan.code == ERR_READ_ONLY && sweep_result == 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        EXPECT(object_mtime(paths[i].text) >
               clock_now_ns() - 3600 * CLOCK_NS_PER_SECOND);
}

Test(fault_blob, lease)
{
    sweep(&(struct sweep){
        .prepare = age_layer, .run = lease, .expect = expect_leased});
}

static int read_all(struct err *error)
{
    struct blob blob;
    CLEANUP(reader) struct reader *reader = NULL;
    CLEANUP(buf) struct buf bytes = BUF_INIT(100);
    char piece[2];
    ssize_t count;

    if (blob_find(&store, "a", &world.layer, &blob, error) < 0 ||
        blob_open(&store, &blob, 0, blob.size, &reader, error) < 0)
        return -1;
    while ((count = reader_read(reader, piece, sizeof(piece), error)) > 0)
        buf_add(&bytes, (struct span){piece, (size_t)count});
    if (count == 0)
        EXPECT(span_equals(buf_span(&bytes), SPAN("layer")));
    return (int)count;
}

Test(fault_blob, read)
{
    sweep(&(struct sweep){.run = read_all});
}

static int mount_from(struct err *error)
{
    return blob_mount(&store, "b", "a", &world.spare, error);
}

static int mount_from_anywhere(struct err *error)
{
    return blob_mount(&store, "c", NULL, &world.spare, error);
}

static void expect_in_b(void)
{
    expect_blob("b", &world.spare);
}

static void expect_in_c(void)
{
    expect_blob("c", &world.spare);
}

Test(fault_blob, mount)
{
    sweep(&(struct sweep){.run = mount_from, .expect = expect_in_b});
    sweep(&(struct sweep){.run = mount_from_anywhere, .expect = expect_in_c});
}

static void expect_no_spare(void)
{
    struct blob blob;

    EXPECT_CODE(ERR_BLOB_UNKNOWN,
                blob_find(&store, "a", &world.spare, &blob, &err));
}

Test(fault_blob, delete)
{
    sweep(&(struct sweep){.run = delete_spare,
                          .expect = expect_no_spare,
                          .over = ERR_BLOB_UNKNOWN,
                          .touches = TOUCHES_SPARE});
}

/* --- links --- */

static int write_and_read_link(struct err *error)
{
    struct layout_path link = layout_layer_link("b", &world.layer);
    struct digest digest;

    if (link_write(&store, &link, &world.layer, error) < 0 ||
        link_protect(&store, &link, &world.layer, error) < 0 ||
        link_read(&store, &link, &digest, error) < 0)
        return -1;
    EXPECT(digest_equals(&digest, &world.layer));
    return 0;
}

static void expect_link(void)
{
    expect_blob("b", &world.layer);
}

Test(fault_blob, link)
{
    sweep(&(struct sweep){.run = write_and_read_link, .expect = expect_link});
}

/* --- the catalog --- */

static int add_name(void *context, const char *name, struct err *error)
{
    (void)error;
    buf_add_format(context, "%s ", name);
    return 0;
}

static int list_catalog(struct err *error)
{
    CLEANUP(buf) struct buf names = BUF_INIT(100);

    if (catalog_list(&store, NULL, add_name, &names, error) < 0)
        return -1;
    EXPECT(span_equals(buf_span(&names), SPAN("a b ")));
    return 0;
}

static int list_catalog_behind(struct err *error)
{
    CLEANUP(buf) struct buf names = BUF_INIT(100);

    if (catalog_list(&store, "a/x", add_name, &names, error) < 0)
        return -1;
    EXPECT(span_equals(buf_span(&names), SPAN("b ")));
    return 0;
}

Test(fault_blob, catalog)
{
    sweep(&(struct sweep){.run = list_catalog});
    sweep(&(struct sweep){.run = list_catalog_behind});
}
