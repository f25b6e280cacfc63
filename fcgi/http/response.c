/* SPDX-License-Identifier: MIT */
#include "http/response.h"

#include <stdio.h>

void response_init(struct response *response)
{
    *response = (struct response){
        .status = 200,
        .headers = BUF_INIT(RESPONSE_HEADERS_MAX),
        .bytes = BUF_INIT(RESPONSE_BYTES_MAX),
    };
}

void response_cleanup(struct response *response)
{
    buf_cleanup(&response->headers);
    buf_cleanup(&response->bytes);
    reader_close(reader_take(&response->stream));
}

void response_reset(struct response *response)
{
    buf_clear(&response->headers);
    buf_clear(&response->bytes);
    reader_close(reader_take(&response->stream));
    response->status = 200;
    response->length = 0;
    response->delegated = false;
    response->warning[0] = '\0';
}

static bool splits_headers(struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];

        if (c < ' ' || c == 0x7f)
            return true;
    }
    return false;
}

void response_header(struct response *response, const char *name,
                     const char *format, ...)
{
    struct buf *headers = &response->headers;
    size_t start = headers->len, value;
    va_list args;

    buf_add_format(headers, "%s: ", name);
    value = headers->len;
    va_start(args, format);
    buf_add_format_args(headers, format, args);
    va_end(args);
    if (!headers->overflowed &&
        !splits_headers(span_from(buf_span(headers), value))) {
        buf_add(headers, SPAN("\r\n"));
        return;
    }
    buf_truncate(headers, start);
    headers->overflowed = true;
}

void response_warning(struct response *response, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(response->warning, sizeof(response->warning), format, args);
    va_end(args);
    response_header(response, "Warning", "299 - \"%s\"", response->warning);
}

void response_stream(struct response *response, struct reader *stream,
                     uint64_t length)
{
    response->stream = stream;
    response->length = length;
}

const char *response_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Unknown";
}
