/* SPDX-License-Identifier: MIT */
#include <criterion/criterion.h>
#include <stdint.h>

#include "base/json.h"
#include "base/json_writer.h"

Test(json_writer, writes_an_object_on_one_line)
{
    CLEANUP(buf) struct buf line = BUF_INIT(1024);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_text(&json, "name", SPAN("a\"b\n"));
    json_writer_number(&json, "bytes", UINT64_MAX);
    json_writer_flag(&json, "old", true);
    json_writer_flag(&json, "young", false);
    json_writer_time(&json, "time", 0);
    json_writer_end(&json);
    cr_assert_str_eq(buf_text(&line),
                     "{\"name\":\"a\\\"b\\n\",\"bytes\":18446744073709551615,"
                     "\"old\":true,\"young\":false,"
                     "\"time\":\"1970-01-01T00:00:00Z\"}\n");
}

Test(json_writer, nests_arrays_and_objects)
{
    CLEANUP(buf) struct buf line = BUF_INIT(1024);
    struct json_writer json;

    json_writer_begin(&json, &line);
    json_writer_begin_array(&json, "none");
    json_writer_end_array(&json);
    json_writer_begin_array(&json, "some");
    json_writer_number(&json, NULL, 1);
    json_writer_begin_object(&json, NULL);
    json_writer_number(&json, "a", 2);
    json_writer_end_object(&json);
    json_writer_text(&json, NULL, SPAN("x"));
    json_writer_end_array(&json);
    json_writer_begin_object(&json, "empty");
    json_writer_end_object(&json);
    json_writer_number(&json, "last", 3);
    json_writer_end(&json);
    cr_assert_str_eq(
        buf_text(&line),
        "{\"none\":[],\"some\":[1,{\"a\":2},\"x\"],\"empty\":{},\"last\":3}\n");
}

Test(json_writer, writes_what_json_parse_reads)
{
    static const struct json_limits limits = {16, 16};
    CLEANUP(buf) struct buf line = BUF_INIT(1024);
    CLEANUP(json) struct json *document = NULL;
    struct json_writer json;
    struct err err = {0};
    struct span text;

    json_writer_begin(&json, &line);
    json_writer_text(&json, "bytes", (struct span){"\xff\0x", 3});
    json_writer_end(&json);
    cr_assert_eq(json_parse(buf_span(&line), &limits, &document, &err), 0, "%s",
                 err.text);
    cr_assert(json_as_string(json_member(document, "bytes"), &text));
    cr_assert(span_equals(text, (struct span){"\xef\xbf\xbd\0x", 5}));
}
