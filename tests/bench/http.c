/* SPDX-License-Identifier: MIT */
#include "bench/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEAD_MAX 8192

void fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

long number(const char *text)
{
    char *end;
    long value = strtol(text, &end, 10);

    if (end == text || *end != '\0' || value < 0)
        fail("%s is no number", text);
    return value;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

double percentile_us(int64_t *times_ns, size_t count, int percent)
{
    if (count == 0)
        return 0;
    qsort(times_ns, count, sizeof(*times_ns), compare);
    return (double)times_ns[(count - 1) * (size_t)percent / 100] / 1000;
}

int http_connect(int port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        fail("connect to port %d: %s", port, strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    return fd;
}

void http_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t count = send(fd, at, len, MSG_NOSIGNAL);

        if (count < 0)
            fail("send: %s", strerror(errno));
        at += count;
        len -= (size_t)count;
    }
}

static const char *header(const char *line, const char *name)
{
    size_t len = strlen(name);

    if (strncasecmp(line, name, len) != 0 || line[len] != ':')
        return NULL;
    return line + len + 1 + strspn(line + len + 1, " ");
}

static void read_header(const char *line, struct http_head *out)
{
    const char *value;

    if ((value = header(line, "Content-Length")) != NULL)
        out->content_length = strtoull(value, NULL, 10);
    else if ((value = header(line, "Connection")) != NULL)
        out->closes = strncasecmp(value, "close", 5) == 0;
    else if ((value = header(line, "Location")) != NULL)
        snprintf(out->location, sizeof(out->location), "%.*s",
                 (int)strcspn(value, "\r"), value);
    else if (header(line, "Transfer-Encoding") != NULL)
        fail("an answer without a length");
}

bool http_parse_head(const char *bytes, size_t len, struct http_head *out)
{
    const char *end = memmem(bytes, len, "\r\n\r\n", 4);
    const char *line = bytes;

    if (end == NULL)
        return false;
    memset(out, 0, offsetof(struct http_head, location));
    out->location[0] = '\0';
    out->size = (size_t)(end - bytes) + 4;
    if (len < 12 || strncmp(bytes, "HTTP/1.1 ", 9) != 0)
        fail("no HTTP/1.1 answer");
    out->status = (int)strtol(bytes + 9, NULL, 10);
    while ((line = memmem(line, (size_t)(end - line), "\r\n", 2)) != NULL) {
        line += 2;
        read_header(line, out);
    }
    return true;
}

void http_receive(int fd, struct http_head *out)
{
    char bytes[HEAD_MAX];
    size_t len = 0;
    uint64_t left;

    do {
        ssize_t count = recv(fd, bytes + len, sizeof(bytes) - len, 0);

        if (count <= 0)
            fail("no answer: %s", count < 0 ? strerror(errno) : "hung up");
        len += (size_t)count;
    } while (!http_parse_head(bytes, len, out));
    left = out->content_length - (len - out->size);
    while (left > 0) {
        ssize_t count =
            recv(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes), 0);

        if (count <= 0)
            fail("half an answer");
        left -= (uint64_t)count;
    }
}
