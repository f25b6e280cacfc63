/* SPDX-License-Identifier: MIT */
/*
 * The main function of every route's program; ROUTE names the route.
 *
 *     manifest [-n] [-c FILE] [-w WORKERS] [-t THREADS]
 *
 * The options are for FastCGI; plain CGI has BERTH_CONFIG.
 */
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "http/crew.h"
#include "http/guard.h"
#include "http/pool.h"
#include "http/transport.h"

extern const struct route ROUTE;

struct options {
    const char *file;
    int workers; /* 0 = no pool: this process serves */
    int threads;
    bool trial; /* only see whether it could start */
};

static int parse_count(const char *text, int most, int *out)
{
    uint64_t value;

    if (num_parse(span_of(text), (uint64_t)most, &value) < 0 || value == 0)
        return -1;
    *out = (int)value;
    return 0;
}

/* A web server started this program for one request (RFC 3875, 4.1.12). */
static bool is_cgi(void)
{
    return !fastcgi_is_offered() && getenv("REQUEST_METHOD") != NULL;
}

static int parse_options(int argc, char **argv, struct options *out)
{
    int option, result = 0;

    *out = (struct options){.threads = 1};
    /* The arguments of a CGI program are words out of the client's query
     * (RFC 3875, 4.4). */
    if (is_cgi())
        return 0;
    while ((option = getopt(argc, argv, "c:nw:t:")) != -1 && result == 0) {
        switch (option) {
        case 'c':
            out->file = optarg;
            break;
        case 'n':
            out->trial = true;
            break;
        case 'w':
            result = parse_count(optarg, POOL_WORKERS_MAX, &out->workers);
            break;
        case 't':
            result = parse_count(optarg, CREW_THREADS_MAX, &out->threads);
            break;
        default:
            result = -1;
        }
    }
    return optind == argc ? result : -1;
}

struct program {
    struct server server;
    int threads;
};

static void answer(void *context, int connection)
{
    const struct program *program = context;

    fastcgi_answer(&program->server, connection);
}

static int work(void *context)
{
    struct program *program = context;
    struct crew_task task = {.listener = FASTCGI_LISTENER,
                             .threads = program->threads,
                             .answer = answer,
                             .context = program};
    struct err err = {0};

    if (crew_run(&task, &err) == 0)
        return EXIT_SUCCESS;
    log_message(LOG_PRIORITY_ERROR, "%s: %s", ROUTE.name, err.text);
    return EXIT_FAILURE;
}

/* As many connections and files as the administrator admits at all. */
static void raise_file_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/*
 * Several wait for each connection; who comes late must not block. The flag is
 * shared with everybody who has the socket: systemd takes it off for each
 * process it starts with it, such as those of a reload. The timeout stays.
 */
static void let_accept_return(void)
{
    const struct timeval moment = {.tv_usec = 1};

    fcntl(FASTCGI_LISTENER, F_SETFL,
          fcntl(FASTCGI_LISTENER, F_GETFL) | O_NONBLOCK);
    setsockopt(FASTCGI_LISTENER, SOL_SOCKET, SO_RCVTIMEO, &moment,
               sizeof(moment));
}

static int run(struct program *program, const struct options *options,
               char **argv)
{
    struct pool_task pool = {.workers = options->workers,
                             .work = work,
                             .context = program,
                             .argv = argv,
                             .trial_option = "-n"};

    if (!fastcgi_is_offered())
        return cgi_serve(&program->server);
    raise_file_limit();
    fastcgi_init();
    let_accept_return();
    program->threads = options->threads;
    if (options->workers == 0)
        return work(program);
    return pool_run(&pool);
}

static void tell(const struct err *complaint)
{
    if (complaint->code != ERR_NONE)
        log_message(LOG_PRIORITY_ERROR, "%s", complaint->text);
}

/*
 * Before workers are forked, so that each has something good to fall back to.
 * What is wrong with the files keeps nobody from starting: it denies.
 */
static void read_files(struct program *program, const struct settings *settings)
{
    static struct followed rules;
    const struct caller_rules who = guard_rules(settings);
    struct followed_state *state;
    struct err complaint = {0}, another = {0};

    program->server.callers = caller_source_new();
    caller_source_read(program->server.callers, &who, &complaint);
    tell(&complaint);
    followed_init(&rules, &rules_kind);
    program->server.rules = &rules;
    (void)rules_get(&rules, settings->rules, &state, &another);
    followed_put(state);
    tell(&another);
}

static int start(struct program *program, const char *file, struct err *err)
{
    struct err ignored = {0};
    struct settings settings;

    if (settings_source_new(file, &program->server.settings, err) < 0)
        return -1;
    settings_source_get(program->server.settings, &settings, &ignored);
    read_files(program, &settings);
    if (store_open_driver(&settings, &program->server.driver, err) < 0)
        return err_wrap(err, "root = %s", settings.root);
    return 0;
}

int main(int argc, char **argv)
{
    struct program program = {.server = {.route = &ROUTE}};
    struct options options;
    struct err err = {0};
    int status = EXIT_FAILURE;

    crew_block_signals();
    if (parse_options(argc, argv, &options) < 0) {
        fprintf(stderr, "usage: %s [-n] [-c FILE] [-w WORKERS] [-t THREADS]\n",
                argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    /* A write past a limit for files fails, as on a full disk. */
    signal(SIGXFSZ, SIG_IGN);
    /* Threads wait more than they work: one heap serves them all. */
    mallopt(M_ARENA_MAX, 1);
    /* What one large manifest needed is not kept for the next. */
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 256 * 1024);
    if (start(&program, options.file, &err) < 0)
        log_message(LOG_PRIORITY_ERROR, "%s: %s", ROUTE.name, err.text);
    else if (options.trial)
        status = EXIT_SUCCESS;
    else
        status = run(&program, &options, argv);
    driver_free(program.server.driver);
    settings_source_free(program.server.settings);
    caller_source_free(program.server.callers);
    return status;
}
