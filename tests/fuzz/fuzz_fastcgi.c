/* SPDX-License-Identifier: MIT */
/*
 * The bytes of a FastCGI connection, to the route of uploads: whatever a web
 * server, or what passes for one, writes, the connection is answered or
 * closed. Each input ends with the writing side closed.
 */
#include "asker.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/compiler.h"
#include "driver/driver_mem.h"
#include "http/transport.h"

/* What a socket takes without a reader. */
#define CONNECTION_MAX (64 * 1024)

extern const struct route upload_route;

static void read_all(int connection)
{
    char waste[4096];

    while (read(connection, waste, sizeof(waste)) > 0)
        continue;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    CLEANUP(driver) struct driver *driver = driver_mem_new(3600);
    int pair[2];

    if (!ready)
        fastcgi_init();
    ready = true;
    if (size > CONNECTION_MAX)
        return 0;
    MUST(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    MUST(write(pair[1], data, size) == (ssize_t)size);
    MUST(shutdown(pair[1], SHUT_WR) == 0);
    fastcgi_answer(asker_server(&upload_route, driver), pair[0]);
    read_all(pair[1]);
    close(pair[1]);
    return 0;
}
