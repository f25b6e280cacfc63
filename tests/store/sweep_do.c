/* SPDX-License-Identifier: MIT */
/* What several sweeps do to their world. */
#include <stdio.h>
#include <string.h>

#include "store/blob.h"
#include "store/manifest_store.h"
#include "store/sweep.h"
#include "store/tag.h"
#include "store/upload.h"

int delete_spare(struct err *err)
{
    return blob_delete(&store, "a", &world.spare, err);
}

int delete_image(struct err *err)
{
    return manifest_delete(&store, "a", &world.image, err);
}

int delete_v1(struct err *err)
{
    return tag_delete(&store, "a", "v1", err);
}

const char *attestation_json(void)
{
    static char json[1024];
    const char *type = strstr(world.signature_json, "a/b");

    snprintf(json, sizeof(json), "%.*sa/d%s",
             (int)(type - world.signature_json), world.signature_json,
             type + strlen("a/b"));
    return json;
}

int cancel_upload(struct err *err)
{
    return upload_cancel(&store, "a", world.uuid, err);
}

int64_t size_of_upload(void)
{
    struct err error = {0};
    uint64_t size;

    if (upload_status(&store, "a", world.uuid, &size, &error) == 0)
        return (int64_t)size;
    EXPECT(error.code == ERR_BLOB_UPLOAD_UNKNOWN);
    return -1;
}

int send_to_upload(struct span bytes, struct err *err)
{
    CLEANUP(upload) struct upload *upload = NULL;
    struct body body;
    uint64_t received;

    body_init(&body, bytes);
    if (upload_open(&store, "a", world.uuid, &upload, err) < 0 ||
        upload_receive(upload, &body.reader, &received, err) < 0)
        return -1;
    return upload_suspend(upload_take(&upload), err);
}
