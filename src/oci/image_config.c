/* SPDX-License-Identifier: MIT */
#include "oci/image_config.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/memory.h"
#include "oci/media_type.h"

#define DOCKER_CONFIG "application/vnd.docker.container.image.v1+json"

/* Room for some thousand steps of history. */
static const struct json_limits limits = {.containers = 16384, .values = 65536};

struct image_config {
    struct json *document;
};

bool image_config_has_type(struct span media_type)
{
    return span_equals(media_type, SPAN(MEDIA_TYPE_OCI_CONFIG)) ||
           span_equals(media_type, SPAN(DOCKER_CONFIG));
}

int image_config_parse(struct span bytes, struct image_config **out,
                       struct err *err)
{
    CLEANUP(image_config)
    struct image_config *config = memory_new(sizeof(*config));

    if (json_parse(bytes, &limits, &config->document, err) < 0)
        return -1;
    if (json_kind(config->document) != JSON_OBJECT)
        return err_set(err, ERR_SYNTAX, "the config is no JSON object");
    *out = config;
    config = NULL;
    return 0;
}

void image_config_free(struct image_config *config)
{
    if (config == NULL)
        return;
    json_free(config->document);
    free(config);
}

void image_config_cleanup(struct image_config **config)
{
    image_config_free(*config);
    *config = NULL;
}

static struct span text_of(const struct json *object, const char *key)
{
    struct span text = {"", 0};

    (void)!json_as_string(json_member(object, key), &text);
    return text;
}

struct span image_config_created(const struct image_config *config)
{
    return text_of(config->document, "created");
}

bool image_config_platform(const struct image_config *config,
                           struct platform *out)
{
    return platform_read(config->document, out);
}

size_t image_config_step_count(const struct image_config *config)
{
    return json_array_length(json_member(config->document, "history"));
}

void image_config_step_at(const struct image_config *config, size_t index,
                          struct image_step *out)
{
    const struct json *step =
        json_at(json_member(config->document, "history"), index);

    out->created = text_of(step, "created");
    out->created_by = text_of(step, "created_by");
    out->is_empty = json_is_true(json_member(step, "empty_layer"));
}
