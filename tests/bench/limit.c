/* SPDX-License-Identifier: MIT */
/*
 * What a push cannot avoid, done by one thread: read, hash, write, fsync.
 *
 *     limit FROM TO
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/http.h"

#define PIECE (256 * 1024)

static void write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t count = write(fd, bytes, len);

        if (count < 0)
            fail("write: %s", strerror(errno));
        bytes += count;
        len -= (size_t)count;
    }
}

int main(int argc, char **argv)
{
    static char piece[PIECE];
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    unsigned char digest[EVP_MAX_MD_SIZE];
    int64_t started_ns = now_ns();
    ssize_t count;
    int from, to;

    if (argc != 3)
        fail("usage: limit FROM TO");
    from = open(argv[1], O_RDONLY | O_CLOEXEC);
    to = open(argv[2], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
    if (from < 0 || to < 0 || hash == NULL)
        fail("open: %s", strerror(errno));
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    while ((count = read(from, piece, sizeof(piece))) > 0) {
        EVP_DigestUpdate(hash, piece, (size_t)count);
        write_all(to, piece, (size_t)count);
    }
    EVP_DigestFinal_ex(hash, digest, NULL);
    if (count < 0 || fsync(to) < 0)
        fail("read or fsync: %s", strerror(errno));
    printf("{\"seconds\": %.6f}\n", (double)(now_ns() - started_ns) / 1e9);
    EVP_MD_CTX_free(hash);
    close(from);
    close(to);
    return EXIT_SUCCESS;
}
