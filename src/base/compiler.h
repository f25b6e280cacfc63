/* SPDX-License-Identifier: MIT */
/*
 * Attributes by name, and the CLEANUP idiom.
 *
 *     CLEANUP(buf) struct buf page = BUF_INIT(4096);
 *
 * calls buf_cleanup(&page) when `page` leaves its scope, on every way out. An
 * owner type offers `void x_cleanup(struct x *)` for embedded structs or
 * `void x_cleanup(struct x **)` for heap objects; both accept what was
 * initialised and never filled. A CLEANUP variable is always initialised.
 */
#ifndef BERTH_BASE_COMPILER_H
#define BERTH_BASE_COMPILER_H

#define CLEANUP(type) __attribute__((cleanup(type##_cleanup)))
#define WARN_UNUSED __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define UNUSED __attribute__((unused))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The struct of `type` that embeds `member` at `pointer`. */
#define CONTAINER_OF(pointer, type, member)                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
