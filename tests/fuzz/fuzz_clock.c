/* SPDX-License-Identifier: MIT */
/*
 * The time of an upload as clients and registry:2 may have written it, against
 * the grammar of RFC 3339 and a calendar of our own.
 */
#include "fuzz.h"

#include <regex.h>

#include "base/clock.h"
#include "base/num.h"

#define GRAMMAR                                                                \
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"                       \
    "[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]+)?"            \
    "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
#define YEAR_ZERO INT64_C(-62167219200)     /* 0000-01-01 */
#define FIRST_PRINTED INT64_C(-30610224000) /* 1000-01-01 */
#define LAST_PRINTED INT64_C(253402300799)  /* the end of 9999 */

static bool follows_grammar(const char *text)
{
    static regex_t compiled;
    static bool ready;

    if (!ready)
        MUST(regcomp(&compiled, GRAMMAR, REG_EXTENDED | REG_NOSUB) == 0);
    ready = true;
    return regexec(&compiled, text, 0, NULL, 0) == 0;
}

static int64_t number(const char *text, size_t at, size_t digits)
{
    uint64_t value;

    MUST(num_parse((struct span){text + at, digits}, 9999, &value) == 0);
    return (int64_t)value;
}

static int64_t days_of_month(int64_t year, int64_t month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static int64_t days_before(int64_t year, int64_t month)
{
    int64_t days = 0;

    for (int64_t y = 0; y < year; y++)
        days += days_of_month(y, 2) == 29 ? 366 : 365;
    for (int64_t m = 1; m < month; m++)
        days += days_of_month(year, m);
    return days;
}

/* The seconds of a text that follows the grammar. */
static int64_t seconds_of(const char *text)
{
    int64_t days = days_before(number(text, 0, 4), number(text, 5, 2)) +
                   number(text, 8, 2) - 1;
    int64_t seconds = YEAR_ZERO + days * 86400 + number(text, 11, 2) * 3600 +
                      number(text, 14, 2) * 60 + number(text, 17, 2);
    const char *sign = strpbrk(text + 19, "+-");
    int64_t offset =
        sign == NULL ? 0 : number(sign, 1, 2) * 3600 + number(sign, 4, 2) * 60;

    return sign != NULL && *sign == '+' ? seconds - offset : seconds + offset;
}

static void check_print(int64_t seconds)
{
    char text[CLOCK_RFC3339_MAX];
    int64_t again;

    if (seconds < FIRST_PRINTED || seconds > LAST_PRINTED)
        return;
    clock_format_rfc3339(seconds, text);
    MUST(clock_parse_rfc3339(span_of(text), &again) == 0 && again == seconds);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span input = fuzz_input(data, size);
    CLEANUP(fuzz_text) char *text = fuzz_text(input);
    int64_t seconds;

    if (clock_parse_rfc3339(input, &seconds) < 0) {
        MUST(strlen(text) != size || !follows_grammar(text) ||
             number(text, 8, 2) >
                 days_of_month(number(text, 0, 4), number(text, 5, 2)));
        return 0;
    }
    MUST(strlen(text) == size && follows_grammar(text));
    MUST(seconds == seconds_of(text));
    check_print(seconds);
    return 0;
}
