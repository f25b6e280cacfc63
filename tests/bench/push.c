/* SPDX-License-Identifier: MIT */
/*
 * Pushes random blobs as fast as the registry takes them, and prints what
 * came of it as JSON. Each client is a thread with one kept connection; blobs
 * and digests are made before the clock starts.
 *
 *     push PORT REPOSITORY CLIENTS BLOBS SIZE put|patch
 *
 * put: POST, PUT with the bytes, as containerd does. patch: POST, PATCH with
 * the bytes, PUT without any, as docker does.
 */
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "bench/http.h"

struct client {
    pthread_t thread;
    int fd;
    size_t first, count; /* of the blobs */
};

static struct {
    int port;
    const char *repository;
    size_t size, count;
    bool patches;
    char *bytes;
    char (*digests)[72];
    int64_t *times;
    pthread_barrier_t ready;
} run;

static void make_blob(size_t number)
{
    unsigned char hash[32];
    char *bytes = run.bytes + number * run.size, *text = run.digests[number];

    for (size_t at = 0; at < run.size;) {
        ssize_t count = getrandom(bytes + at, run.size - at, 0);

        if (count > 0)
            at += (size_t)count;
    }
    EVP_Digest(bytes, run.size, hash, NULL, EVP_sha256(), NULL);
    text += snprintf(text, 8, "sha256:");
    for (size_t i = 0; i < sizeof(hash); i++)
        text += snprintf(text, 3, "%02x", hash[i]);
}

/* One request; leaves the answer in `head` and checks its status. */
static void request(struct client *client, const char *method,
                    const char *target, const char *body, size_t len,
                    int expected, struct http_head *head)
{
    char text[4096];
    int used = snprintf(text, sizeof(text),
                        "%s %s HTTP/1.1\r\nHost: localhost:%d\r\n"
                        "Content-Type: application/octet-stream\r\n"
                        "Content-Length: %zu\r\n\r\n",
                        method, target, run.port, len);

    if (client->fd < 0)
        client->fd = http_connect(run.port);
    http_send(client->fd, text, (size_t)used);
    http_send(client->fd, body, len);
    http_receive(client->fd, head);
    if (head->status != expected)
        fail("%s %s: status %d", method, target, head->status);
    if (head->closes) {
        close(client->fd);
        client->fd = -1;
    }
}

static void push_blob(struct client *client, size_t number)
{
    const char *bytes = run.bytes + number * run.size;
    size_t left = run.size;
    struct http_head head;
    char target[2048];

    snprintf(target, sizeof(target), "/v2/%s/blobs/uploads/", run.repository);
    request(client, "POST", target, "", 0, 202, &head);
    if (run.patches) {
        snprintf(target, sizeof(target), "%s", head.location);
        request(client, "PATCH", target, bytes, left, 202, &head);
        left = 0;
    }
    snprintf(target, sizeof(target), "%s%cdigest=%s", head.location,
             strchr(head.location, '?') == NULL ? '?' : '&',
             run.digests[number]);
    request(client, "PUT", target, bytes, left, 201, &head);
}

static void *push_all(void *context)
{
    struct client *client = context;

    client->fd = http_connect(run.port);
    pthread_barrier_wait(&run.ready);
    for (size_t i = 0; i < client->count; i++) {
        int64_t started_ns = now_ns();

        push_blob(client, client->first + i);
        run.times[client->first + i] = now_ns() - started_ns;
    }
    return NULL;
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (memory == NULL)
        fail("out of memory");
    return memory;
}

/* Returns the seconds it took. */
static double run_all(size_t clients)
{
    struct client *all = allocate(clients, sizeof(*all));
    int64_t started_ns;

    pthread_barrier_init(&run.ready, NULL, (unsigned int)clients + 1);
    for (size_t i = 0; i < clients; i++) {
        all[i].first = run.count * i / clients;
        all[i].count = run.count * (i + 1) / clients - all[i].first;
        if (pthread_create(&all[i].thread, NULL, push_all, &all[i]) != 0)
            fail("cannot start a thread");
    }
    pthread_barrier_wait(&run.ready);
    started_ns = now_ns();
    for (size_t i = 0; i < clients; i++)
        pthread_join(all[i].thread, NULL);
    free(all);
    return (double)(now_ns() - started_ns) / 1e9;
}

int main(int argc, char **argv)
{
    double seconds;

    if (argc != 7)
        fail("usage: push PORT REPOSITORY CLIENTS BLOBS SIZE put|patch");
    run.port = (int)number(argv[1]);
    run.repository = argv[2];
    run.count = (size_t)number(argv[4]);
    run.size = (size_t)number(argv[5]);
    run.patches = strcmp(argv[6], "patch") == 0;
    run.bytes = allocate(run.count, run.size);
    run.digests = allocate(run.count, sizeof(*run.digests));
    run.times = allocate(run.count, sizeof(*run.times));
    for (size_t i = 0; i < run.count; i++)
        make_blob(i);
    seconds = run_all((size_t)number(argv[3]));
    printf("{\"seconds\": %.6f, \"p50_us\": %.1f, \"p99_us\": %.1f}\n", seconds,
           percentile_us(run.times, run.count, 50),
           percentile_us(run.times, run.count, 99));
    free(run.times);
    free(run.digests);
    free(run.bytes);
    return EXIT_SUCCESS;
}
