/* SPDX-License-Identifier: MIT */
#include "fcgi/fixture.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "store/guarded.h"
#include "store/tag.h"

#define COMMON                                                                 \
    "Docker-Distribution-Api-Version: registry/2.0\r\n"                        \
    "X-Content-Type-Options: nosniff\r\n"
#define TREE_MAX (64 * 1024 * 1024)
#define ANSWER_MAX (32 * 1024 * 1024)

struct answer answer;
static struct server server;
static struct followed rules_followed;
static struct buf bytes = BUF_INIT(ANSWER_MAX), head = BUF_INIT(64 * 1024);
static const struct question *asked;
static int looks;

void route_setup(const struct route *route)
{
    fixture_setup();
    server.route = route;
    server.driver = store.driver;
    server.callers = caller_source_new();
    followed_init(&rules_followed, &rules_kind);
    server.rules = &rules_followed;
    cr_assert_eq(settings_source_new("/dev/null", &server.settings, &err), 0,
                 "%s", err.text);
}

void route_turn_to(const struct route *route)
{
    server.route = route;
}

void route_work_on(struct driver *driver)
{
    server.driver = driver;
}

static char policy_file[] = "/tmp/berth-policy-XXXXXX";
static char rules_file[] = "/tmp/berth-rules-XXXXXX";
static bool has_policy, has_rules;

static void write_file(char *file, bool *is_there, const char *text)
{
    int fd = *is_there ? open(file, O_WRONLY | O_TRUNC) : mkstemp(file);

    cr_assert(fd >= 0);
    *is_there = true;
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

const char *under_rules(const char *rules)
{
    static char parameter[64];

    write_file(rules_file, &has_rules, rules);
    snprintf(parameter, sizeof(parameter), "BERTH_RULES=%s", rules_file);
    return parameter;
}

const char *under_policy(const char *rules)
{
    static char parameter[64];

    write_file(policy_file, &has_policy, rules);
    snprintf(parameter, sizeof(parameter), "BERTH_POLICY=%s", policy_file);
    /* The first request would change the store. */
    cr_assert_eq(guarded_set(&store, true, &err), 0, "%s", err.text);
    return parameter;
}

void route_teardown(void)
{
    if (has_policy)
        unlink(policy_file);
    if (has_rules)
        unlink(rules_file);
    followed_forget(&rules_followed);
    settings_source_free(server.settings);
    caller_source_free(server.callers);
    buf_cleanup(&bytes);
    buf_cleanup(&head);
    fixture_teardown();
}

/* --- the store as text --- */

struct walk {
    struct buf *into;
    const char *path;
};

static void list_tree(const char *path, struct buf *into);

static int list_child(void *context, const char *name, bool is_directory,
                      struct err *error)
{
    struct walk *walk = context;
    CLEANUP(buf) struct buf path = BUF_INIT(1024);
    size_t start;

    buf_add_format(&path, "%s/%s", walk->path, name);
    if (is_directory) {
        list_tree(buf_text(&path), walk->into);
        return 0;
    }
    buf_add_format(walk->into, "\n%s: ", buf_text(&path));
    start = walk->into->len;
    cr_assert_eq(
        driver_get(store.driver, buf_text(&path), walk->into, NULL, error), 0,
        "%s", error->text);
    buf_add_format(walk->into, " (%zu)", walk->into->len - start);
    return 0;
}

/* All objects below, with their bytes; empty directories do not count. */
static void list_tree(const char *path, struct buf *into)
{
    struct walk walk = {into, path};
    struct err error = {0};

    if (driver_list(store.driver, path, NULL, list_child, &walk, &error) < 0)
        cr_assert_eq(error.code, ERR_NOT_FOUND, "%s", error.text);
}

static void list_store(struct buf *into)
{
    list_tree("blobs", into);
    list_tree("repositories", into);
    list_tree("_berth", into);
    cr_assert_not(into->overflowed);
}

/* --- asking --- */

static int take(struct sink *sink, struct span piece)
{
    (void)sink;
    buf_add(&bytes, piece);
    return 0;
}

static bool is_gone(const struct request *request)
{
    (void)request;
    return ++looks == asked->gone_at;
}

static void split_answer(void)
{
    const char *text_of_answer = buf_text(&bytes);
    const char *end = strstr(text_of_answer, "\r\n\r\n");

    cr_assert_not_null(end);
    cr_assert_eq(sscanf(text_of_answer, "Status: %d ", &answer.status), 1);
    buf_clear(&head);
    buf_add(&head,
            (struct span){text_of_answer, (size_t)(end + 2 - text_of_answer)});
    answer.head = buf_text(&head);
    answer.body = span_from(buf_span(&bytes), head.len + 2);
}

static bool may_have_body(const struct question *question)
{
    return strcmp(question->method, "GET") != 0 &&
           strcmp(question->method, "HEAD") != 0;
}

static void fill_parameters(const struct question *question,
                            const char *parameters[])
{
    static char method[64], length[64], target[REQUEST_TARGET_MAX + 64];
    size_t count = 0;

    snprintf(method, sizeof(method), "REQUEST_METHOD=%s", question->method);
    snprintf(target, sizeof(target), "REQUEST_URI=%s", question->target);
    snprintf(length, sizeof(length), "CONTENT_LENGTH=%zu",
             question->body.len + question->breaks_off);
    parameters[count++] = method;
    parameters[count++] = target;
    parameters[count++] = "BERTH_LOG=errors";
    if (may_have_body(question) && !question->no_length)
        parameters[count++] = length;
    for (size_t i = 0; i < ARRAY_SIZE(question->parameters); i++) {
        if (question->parameters[i] != NULL)
            parameters[count++] = question->parameters[i];
    }
    parameters[count] = NULL;
}

int ask(const struct question *question)
{
    CLEANUP(buf) struct buf before = BUF_INIT(TREE_MAX);
    CLEANUP(buf) struct buf after = BUF_INIT(TREE_MAX);
    const char *parameters[16];
    struct sink sink = {take};
    struct body body;

    asked = question;
    looks = 0;
    fill_parameters(question, parameters);
    body_init(&body, question->body.ptr != NULL ? question->body : SPAN(""));
    body.break_off = question->breaks_off;
    buf_clear(&bytes);
    list_store(&before);
    answer.is_broken =
        serve(&server, parameters, &body.reader, is_gone, NULL, &sink) < 0;
    cr_assert(question->may_break || !answer.is_broken);
    list_store(&after);
    answer.changed_store = !span_equals(buf_span(&before), buf_span(&after));
    answer.body_left = body.rest.len;
    split_answer();
    return answer.status;
}

const char *header(const char *name)
{
    static char value[16 * 1024];
    const char *at = answer.head;
    size_t len = strlen(name);

    while ((at = strstr(at, "\r\n")) != NULL) {
        at += 2;
        if (strncmp(at, name, len) != 0 || strncmp(at + len, ": ", 2) != 0)
            continue;
        at += len + 2;
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(at, "\r"), at);
        return value;
    }
    return NULL;
}

/* --- expecting --- */

/* "\n" becomes "\r\n". */
static void add_lines(struct buf *into, const char *lines)
{
    for (const char *c = lines; *c != '\0'; c++) {
        if (*c == '\n')
            buf_add_char(into, '\r');
        buf_add_char(into, *c);
    }
}

void expect_head(const char *status, const char *format, ...)
{
    CLEANUP(buf) struct buf lines = BUF_INIT(64 * 1024);
    CLEANUP(buf) struct buf expected = BUF_INIT(64 * 1024);
    va_list args;

    va_start(args, format);
    buf_add_format_args(&lines, format, args);
    va_end(args);
    buf_add_format(&expected, "Status: %s\r\n" COMMON, status);
    add_lines(&expected, buf_text(&lines));
    cr_expect_str_eq(answer.head, buf_text(&expected), "%s %s: %s not %s",
                     asked->method, asked->target, answer.head,
                     buf_text(&expected));
}

void expect_body(struct span body)
{
    cr_expect(span_equals(answer.body, body), "%s %s: %.*s", asked->method,
              asked->target, SPAN_ARGS(answer.body));
}

/* {"errors":[{"code":..,"message":..,"detail":..}]} and nothing else. */
void expect_error_body(const char *code, const char *detail)
{
    static const struct json_limits limits = {16, 16};
    CLEANUP(buf) struct buf begin = BUF_INIT(1024), end = BUF_INIT(4096);
    CLEANUP(json) struct json *document = NULL;
    struct err error = {0};
    struct span message;

    buf_add_format(&begin, "{\"errors\":[{\"code\":\"%s\",\"message\":\"",
                   code);
    buf_add_char(&end, '"');
    if (detail != NULL) {
        buf_add(&end, SPAN(",\"detail\":"));
        json_add_string(&end, span_of(detail));
    }
    buf_add(&end, SPAN("}]}\n"));
    cr_expect(json_parse(answer.body, &limits, &document, &error) == 0 &&
                  span_starts_with(answer.body, buf_span(&begin)) &&
                  span_ends_with(answer.body, buf_span(&end)),
              "%s %s: %.*s not %s...%s", asked->method, asked->target,
              SPAN_ARGS(answer.body), buf_text(&begin), buf_text(&end));
    if (answer.body.len < begin.len + end.len)
        return;
    message = span_from(answer.body, begin.len);
    message.len -= end.len;
    cr_expect(message.len > 0);
    cr_expect(memchr(message.ptr, '"', message.len) == NULL, "%.*s",
              SPAN_ARGS(message));
}

void expect_error(const char *status, const char *code, const char *detail,
                  const char *extra)
{
    expect_head(status,
                "Content-Type: application/json\n%sContent-Length: %zu\n",
                extra, answer.body.len);
    expect_error_body(code, detail);
    cr_expect_not(answer.changed_store, "%s %s: the store changed",
                  asked->method, asked->target);
}

void expect_head_like_get(struct question question)
{
    CLEANUP(buf) struct buf of_get = BUF_INIT(64 * 1024);

    question.method = "GET";
    ask(&question);
    buf_add(&of_get, span_of(answer.head));
    question.method = "HEAD";
    ask(&question);
    cr_expect_str_eq(answer.head, buf_text(&of_get), "%s: %s not %s",
                     question.target, answer.head, buf_text(&of_get));
    cr_expect_eq(answer.body.len, 0);
}

static bool lists(const char *methods, const char *method)
{
    struct span rest = span_of(methods);

    while (rest.len > 0) {
        if (span_equals(span_trim(span_cut(&rest, ',')), span_of(method)))
            return true;
    }
    return false;
}

void expect_methods(const char *target, const char *setting,
                    const char *allowed)
{
    static const char *const methods[] = {"GET",   "HEAD",   "POST",    "PUT",
                                          "PATCH", "DELETE", "OPTIONS", "get"};

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        int status = ASK(methods[i], target, .parameters = {setting});

        if (lists(allowed, methods[i])) {
            cr_expect_neq(status, 405, "%s %s: %s", methods[i], target,
                          setting);
            continue;
        }
        cr_expect_eq(status, 405, "%s %s: %s", methods[i], target, setting);
        cr_expect_not(answer.changed_store);
        cr_expect(span_equals(span_of(methods[i]), SPAN("HEAD")) ||
                  strstr(buf_text(&bytes), "\"code\":\"UNSUPPORTED\""));
        cr_expect(header("Allow") && strcmp(header("Allow"), allowed) == 0,
                  "%s %s: %s", methods[i], target, answer.head);
    }
}

const char *text(const char *format, ...)
{
    static char texts[64][8 * 1024];
    static size_t next;
    char *into = texts[next++ % ARRAY_SIZE(texts)];
    va_list args;

    va_start(args, format);
    vsnprintf(into, sizeof(texts[0]), format, args);
    va_end(args);
    return into;
}

/* --- what is in the store --- */

struct image push_image(const char *name)
{
    struct image image;

    image.config = push_blob(name, SPAN("config"));
    image.layer = push_blob(name, SPAN("layer"));
    snprintf(image.json, sizeof(image.json), "%s",
             image_json(&image.config, &image.layer));
    image.digest = push_manifest(name, image.json);
    return image;
}

void set_tag(const char *name, const char *tag, const struct digest *digest)
{
    cr_assert_eq(tag_set(&store, name, tag, digest, &err), 0, "%s", err.text);
}

const char *get_tag(const char *name, const char *tag)
{
    struct err error = {0};
    struct digest digest;

    if (tag_resolve(&store, name, tag, &digest, &error) == 0)
        return text("%s", text_of(&digest));
    cr_assert_eq(error.code, ERR_MANIFEST_UNKNOWN, "%s", error.text);
    return "";
}

/* --- a storage that fails --- */

static enum err_code failure;

static int fail_put(struct driver *driver, const char *path,
                    struct span ignored, enum driver_durability durability,
                    struct err *error)
{
    (void)driver;
    (void)ignored;
    (void)durability;
    return err_set(error, failure, "%s: broken", path);
}

static int fail_open_upload(struct driver *driver, const char *path,
                            enum driver_upload_mode mode, int64_t wait_ms,
                            struct writer **out, struct err *error)
{
    (void)driver;
    (void)mode;
    (void)wait_ms;
    (void)out;
    return err_set(error, failure, "%s: broken", path);
}

void break_storage(enum err_code code)
{
    static struct driver_ops broken;

    broken = *store.driver->ops;
    broken.put = fail_put;
    broken.open_upload = fail_open_upload;
    store.driver->ops = &broken;
    failure = code;
}
