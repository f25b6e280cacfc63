/* SPDX-License-Identifier: MIT */
#include "web_ask.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"

#define OPTIONS_MAX (16 * 1024) /* fits into a pipe */
#define ONLY_ASK_SECONDS 12

/* Nothing of these takes longer unless the server hangs. */
static const char common_options[] = "silent\n"
                                     "show-error\n"
                                     "no-buffer\n"
                                     "http1.1\n"
                                     "path-as-is\n"
                                     "globoff\n"
                                     "suppress-connect-headers\n"
                                     "connect-timeout = 10\n"
                                     "user-agent = \"berth-check\"\n";

/* --- the options --- */

static void add_option(struct buf *options, const char *name, const char *value)
{
    buf_add_format(options, "%s = \"", name);
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\n') {
            buf_add(options, SPAN("\\n"));
            continue;
        }
        if (*c == '"' || *c == '\\')
            buf_add_char(options, '\\');
        buf_add_char(options, *c);
    }
    buf_add(options, SPAN("\"\n"));
}

/* --include would keep "100 Continue" back until there is more. */
static void add_method(const char *method, struct buf *options)
{
    if (method != NULL && strcmp(method, "HEAD") == 0) {
        buf_add(options, SPAN("head\n"));
        return;
    }
    add_option(options, "dump-header", "-");
    if (method != NULL)
        add_option(options, "request", method);
}

static void add_token(const char *token, struct buf *options)
{
    CLEANUP(buf) struct buf field = BUF_INIT(OPTIONS_MAX);

    buf_add_format(&field, "Authorization: Bearer %s", token);
    add_option(options, "header", buf_text(&field));
    options->overflowed = options->overflowed || field.overflowed;
}

static void add_user(const struct web_target *target, enum web_as as,
                     struct buf *options)
{
    static const char wrong[] = "berth-check-6f1d2b0c9a7e4853";
    CLEANUP(buf) struct buf pair = BUF_INIT(4096);

    if (as == WEB_AS_NOBODY || as == WEB_AS_ANONYMOUS ||
        (as == WEB_AS_USER && target->user == NULL))
        return;
    if (as == WEB_AS_STRANGER)
        buf_add_format(&pair, "berth-check:%s", wrong);
    else
        buf_add_format(&pair, "%s:%s", target->user,
                       as == WEB_AS_USER ? target->password : wrong);
    add_option(options, "user", buf_text(&pair));
    options->overflowed = options->overflowed || pair.overflowed;
}

/*
 * A file that has the length, takes no room on the disk, and is gone with us
 * however we end. curl inherits it.
 */
static int add_zeros(struct web_target *target, uint64_t size,
                     struct buf *options, struct err *err)
{
    char path[32];

    if (target->zeros == NULL)
        target->zeros = tmpfile();
    if (target->zeros == NULL)
        return err_set_errno(err, errno, "make a file in /tmp");
    if (ftruncate(fileno(target->zeros), (off_t)size) < 0)
        return err_set_errno(err, errno,
                             "make a file of %" PRIu64 " bytes in /tmp", size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fileno(target->zeros));
    add_option(options, "upload-file", path);
    return 0;
}

void web_target_cleanup(struct web_target *target)
{
    if (target->zeros != NULL)
        fclose(target->zeros);
}

static int add_body(struct web_target *target,
                    const struct web_question *question, struct buf *options,
                    struct err *err)
{
    if (question->body != NULL)
        add_option(options, "data-raw", question->body);
    if (question->zeros == 0) {
        buf_add(options, SPAN("max-time = 20\n"));
        return 0;
    }
    if (add_zeros(target, question->zeros, options, err) < 0)
        return -1;
    if (question->chunked)
        add_option(options, "header", "Transfer-Encoding: chunked");
    if (question->only_ask) {
        add_option(options, "header", "Expect: 100-continue");
        buf_add_format(options,
                       "max-time = %d\nexpect100-timeout = %d\n"
                       "limit-rate = 64k\n",
                       ONLY_ASK_SECONDS, ONLY_ASK_SECONDS);
    } else {
        buf_add(options, SPAN("speed-limit = 1000\nspeed-time = 30\n"
                              "expect100-timeout = 10\n"));
    }
    return 0;
}

static int make_options(struct web_target *target,
                        const struct web_question *question,
                        struct buf *options, struct err *err)
{
    CLEANUP(buf) struct buf url = BUF_INIT(OPTIONS_MAX);

    buf_add(options, span_of(common_options));
    if (question->url != NULL)
        buf_add(&url, span_of(question->url));
    else
        buf_add_format(&url, "%s%s", target->url, question->path);
    add_option(options, "url", buf_text(&url));
    add_method(question->method, options);
    if (question->token != NULL)
        add_token(question->token, options);
    if (question->url != NULL || !target->bearer)
        add_user(target, question->as, options);
    for (size_t i = 0; i < ARRAY_SIZE(question->fields); i++) {
        if (question->fields[i] != NULL)
            add_option(options, "header", question->fields[i]);
    }
    if (target->ca != NULL)
        add_option(options, "cacert", target->ca);
    if (target->insecure)
        buf_add(options, SPAN("insecure\n"));
    if (add_body(target, question, options, err) < 0)
        return -1;
    if (options->overflowed || url.overflowed)
        return err_set(err, ERR_TOO_LARGE, "a question to curl is too long");
    return 0;
}

/* --- the process --- */

struct curl {
    pid_t pid;
    int in, out, errors; /* our ends of pipes to and from it */
};

extern char **environ;

static int start_with(posix_spawn_file_actions_t *actions,
                      const int pipes[3][2], pid_t *pid)
{
    char curl[] = "curl", quiet[] = "-q", from[] = "-K", input[] = "-";
    char *argv[] = {curl, quiet, from, input, NULL};
    posix_spawnattr_t attributes;
    sigset_t defaults;
    int error;

    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    posix_spawn_file_actions_adddup2(actions, pipes[0][0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(actions, pipes[1][1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(actions, pipes[2][1], STDERR_FILENO);
    error = posix_spawnp(pid, "curl", actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    return error;
}

static int make_pipes(int pipes[3][2])
{
    for (size_t i = 0; i < 3; i++) {
        if (pipe2(pipes[i], O_CLOEXEC) == 0)
            continue;
        for (size_t j = 0; j < i; j++) {
            close(pipes[j][0]);
            close(pipes[j][1]);
        }
        return -1;
    }
    return 0;
}

static int start(struct curl *curl, struct err *err)
{
    posix_spawn_file_actions_t actions;
    int pipes[3][2], error;

    if (make_pipes(pipes) < 0)
        return err_set_errno(err, errno, "make a pipe");
    posix_spawn_file_actions_init(&actions);
    error = start_with(&actions, (const int(*)[2])pipes, &curl->pid);
    posix_spawn_file_actions_destroy(&actions);
    close(pipes[0][0]);
    close(pipes[1][1]);
    close(pipes[2][1]);
    curl->in = pipes[0][1];
    curl->out = pipes[1][0];
    curl->errors = pipes[2][0];
    if (error == 0)
        return 0;
    close(curl->in);
    close(curl->out);
    close(curl->errors);
    if (error == ENOENT)
        return err_set(err, ERR_NOT_FOUND,
                       "there is no program curl here, which asks the server: "
                       "install it (apt-get install curl)");
    return err_set_errno(err, error, "start curl");
}

/* Returns false at the end, and when the buffer is full. */
static bool read_some(int fd, struct buf *into)
{
    char bytes[4096];
    ssize_t count;

    do
        count = read(fd, bytes, sizeof(bytes));
    while (count < 0 && errno == EINTR);
    if (count <= 0)
        return false;
    if ((size_t)count > into->max - into->len)
        count = (ssize_t)(into->max - into->len);
    buf_add(into, (struct span){bytes, (size_t)count});
    return into->len < into->max;
}

static bool has_enough(const struct web_question *question,
                       struct web_answer *answer)
{
    if (!question->only_ask)
        return false;
    web_answer_parse(answer);
    return answer->continued || answer->status != 0;
}

static void trim_trouble(struct buf *trouble)
{
    while (trouble->len > 0 && trouble->ptr[trouble->len - 1] == '\n')
        buf_truncate(trouble, trouble->len - 1);
}

static void finish(struct curl *curl, bool end_it, struct web_answer *answer)
{
    int status;

    if (end_it)
        kill(curl->pid, SIGKILL);
    close(curl->out);
    while (read_some(curl->errors, &answer->trouble))
        continue;
    close(curl->errors);
    while (waitpid(curl->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    answer->curl = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    trim_trouble(&answer->trouble);
    web_answer_parse(answer);
}

int web_ask(struct web_target *target, const struct web_question *question,
            struct web_answer *answer, struct err *err)
{
    CLEANUP(buf) struct buf options = BUF_INIT(OPTIONS_MAX);
    struct curl curl;
    bool end_it = false;

    buf_clear(&answer->text);
    buf_clear(&answer->trouble);
    if (make_options(target, question, &options, err) < 0 ||
        start(&curl, err) < 0)
        return -1;
    /* Does not block; a curl that is gone already says why. */
    if (write(curl.in, buf_text(&options), options.len) < 0)
        end_it = true;
    close(curl.in);
    while (!end_it && read_some(curl.out, &answer->text))
        end_it = has_enough(question, answer);
    finish(&curl, end_it || answer->text.len == answer->text.max, answer);
    return 0;
}
