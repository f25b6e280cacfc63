/* SPDX-License-Identifier: MIT */
/*
 * The main function of every route's program; ROUTE names the route.
 *
 *     manifest [-c FILE] [-w WORKERS] [-t THREADS]
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "http/pool.h"
#include "http/transport.h"

extern const struct route ROUTE;

struct options {
    const char *file;
    int workers; /* 0 = no pool: this process serves */
    int threads;
};

static int parse_count(const char *text, int most, int *out)
{
    uint64_t value;

    if (num_parse(span_of(text), (uint64_t)most, &value) < 0 || value == 0)
        return -1;
    *out = (int)value;
    return 0;
}

static int parse_options(int argc, char **argv, struct options *out)
{
    int option, result = 0;

    *out = (struct options){.threads = 1};
    while ((option = getopt(argc, argv, "c:w:t:")) != -1 && result == 0) {
        switch (option) {
        case 'c':
            out->file = optarg;
            break;
        case 'w':
            result = parse_count(optarg, POOL_WORKERS_MAX, &out->workers);
            break;
        case 't':
            result = parse_count(optarg, TRANSPORT_THREADS_MAX, &out->threads);
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

static int work(void *context)
{
    const struct program *program = context;

    return fastcgi_serve(&program->server, program->threads);
}

static int run(struct program *program, const struct options *options)
{
    if (!fastcgi_is_offered())
        return cgi_serve(&program->server);
    fastcgi_init();
    program->threads = options->threads;
    if (options->workers == 0)
        return work(program);
    return pool_run(options->workers, work, program);
}

static int start(struct program *program, const char *file, struct err *err)
{
    struct err ignored = {0};
    struct settings settings;

    if (settings_source_new(file, &program->server.settings, err) < 0)
        return -1;
    settings_source_get(program->server.settings, &settings, &ignored);
    return store_open_driver(&settings, &program->server.driver, err);
}

int main(int argc, char **argv)
{
    struct program program = {.server = {.route = &ROUTE}};
    struct options options;
    struct err err = {0};
    int status;

    if (parse_options(argc, argv, &options) < 0) {
        fprintf(stderr, "usage: %s [-c FILE] [-w WORKERS] [-t THREADS]\n",
                argv[0]);
        return 2;
    }
    /* Threads wait more than they work: one heap serves them all. */
    mallopt(M_ARENA_MAX, 1);
    if (start(&program, options.file, &err) < 0) {
        log_message(LOG_PRIORITY_ERROR, "%s: %s", ROUTE.name, err.text);
        return EXIT_FAILURE;
    }
    status = run(&program, &options);
    driver_free(program.server.driver);
    settings_source_free(program.server.settings);
    return status;
}
