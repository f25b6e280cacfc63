/* SPDX-License-Identifier: MIT */
#include "store/quota_count.h"

#include "base/clock.h"
#include "base/num.h"

/* Slots of the record: over its bytes, the two gates, over a recount. */
enum {
    SLOT_BYTES,
    SLOT_GATES,
    SLOT_RECOUNT = SLOT_GATES + 2
};

/* Nobody holds the bytes for longer than it takes to change them. */
#define BYTES_WAIT_MS 5000

/* A recount takes at most one part in so many of the time. */
#define REST 10

#define MAGIC UINT64_C(0x315f61746f757142) /* "Bquota_1" */

/* How a record lies in its bytes. */
struct content {
    uint64_t magic;
    uint64_t bytes;
    uint64_t recounts;
    int64_t ended_ns;
    int64_t lasted_ns;
    uint8_t is_known;
    uint8_t gate;         /* 0 or 1: where one comes in */
    uint8_t is_recounted; /* one has begun, and not ended or been killed */
    uint8_t unused[5];
    uint64_t sum; /* over all before it */
};
_Static_assert(sizeof(struct content) <= RECORD_BYTES_MAX, "it fits");

static uint64_t sum_of(const struct content *content)
{
    const unsigned char *bytes = (const unsigned char *)content;
    uint64_t sum = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < offsetof(struct content, sum); i++)
        sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    return sum;
}

/* Anything else than what was written here is as good as nothing. */
static bool is_ours(const struct content *content)
{
    return content->magic == MAGIC && content->sum == sum_of(content) &&
           content->gate <= 1;
}

static int load(struct record *record, struct content *out, struct err *err)
{
    if (record_read(record, out, sizeof(*out), err) < 0)
        return -1;
    if (!is_ours(out))
        *out = (struct content){.magic = MAGIC};
    return 0;
}

static int save(struct record *record, struct content *content, struct err *err)
{
    content->sum = sum_of(content);
    return record_write(
        record, (struct span){(const char *)content, sizeof(*content)}, err);
}

static int lock_bytes(struct record *record, struct err *err)
{
    return record_lock(record, SLOT_BYTES, RECORD_EXCLUSIVE, BYTES_WAIT_MS,
                       err);
}

static void tell(const struct content *content, struct quota_state *out)
{
    *out = (struct quota_state){.is_known = content->is_known,
                                .bytes = content->bytes,
                                .recounts = content->recounts,
                                .ended_ns = content->ended_ns,
                                .lasted_ns = content->lasted_ns};
}

int quota_count_read(const struct quota_count *count, struct quota_state *out,
                     struct err *err)
{
    CLEANUP(record) struct record *record = NULL;
    struct content content;

    if (driver_open_record(count->driver, count->path, &record, err) < 0 ||
        lock_bytes(record, err) < 0 || load(record, &content, err) < 0)
        return -1;
    tell(&content, out);
    return 0;
}

/* --- taking --- */

static void add(uint64_t *number, uint64_t more)
{
    if (num_add(*number, more, number) < 0)
        *number = UINT64_MAX;
}

static bool has_room(const struct content *content,
                     const struct quota_need *need)
{
    uint64_t sum;

    if (!content->is_known)
        return false;
    return need->added == 0 ||
           (num_add(content->bytes, need->added, &sum) == 0 &&
            sum <= need->limit);
}

/* The gate one comes in by is never locked by others: nobody waits here. */
static int enter(struct record *record, struct content *content,
                 const struct quota_need *need, struct err *err)
{
    uint64_t before = content->bytes;

    if (record_lock(record, SLOT_GATES + content->gate, RECORD_SHARED, 0, err) <
        0)
        return -1;
    add(&content->bytes, need->added);
    if (content->is_recounted)
        add(&content->bytes, need->moved);
    return content->bytes == before ? 0 : save(record, content, err);
}

int quota_count_take(const struct quota_count *count,
                     const struct quota_need *need, struct record **held,
                     struct quota_state *state, bool *fits, struct err *err)
{
    CLEANUP(record) struct record *record = NULL;
    struct content content;

    if (driver_open_record(count->driver, count->path, &record, err) < 0 ||
        lock_bytes(record, err) < 0 || load(record, &content, err) < 0)
        return -1;
    tell(&content, state);
    *fits = has_room(&content, need);
    if (!*fits)
        return 0;
    if (enter(record, &content, need, err) < 0)
        return -1;
    record_unlock(record, SLOT_BYTES);
    *held = record;
    record = NULL;
    return 0;
}

/* --- recounting --- */

/* Waits until nobody is left of those who came in by this gate. */
static int drain(struct record *record, unsigned int gate, int64_t wait_ms,
                 struct err *err)
{
    if (record_lock(record, SLOT_GATES + gate, RECORD_EXCLUSIVE, wait_ms, err) <
        0)
        return err_wrap(err, "recount");
    record_unlock(record, SLOT_GATES + gate);
    return 0;
}

/* Notes the number and turns the gate; `*closed` is the one to wait for. */
static int turn(struct record *record, uint64_t *noted, unsigned int *closed,
                struct err *err)
{
    struct content content;
    int result;

    if (lock_bytes(record, err) < 0)
        return -1;
    result = load(record, &content, err);
    *noted = content.bytes;
    *closed = content.gate;
    content.gate = !content.gate;
    content.is_recounted = true;
    if (result == 0)
        result = save(record, &content, err);
    record_unlock(record, SLOT_BYTES);
    return result;
}

static int finish(struct record *record, uint64_t noted, uint64_t seen,
                  int64_t began_ns, struct err *err)
{
    struct content content;
    int result;

    if (lock_bytes(record, err) < 0)
        return -1;
    result = load(record, &content, err);
    /* Nobody makes it smaller meanwhile; else it is not what was noted. */
    if (result == 0 && (content.bytes < noted || !content.is_recounted))
        result = err_set(err, ERR_BUSY, "the count was lost");
    if (result == 0) {
        content.bytes -= noted;
        add(&content.bytes, seen);
        content.is_known = true;
        content.is_recounted = false;
        content.recounts++;
        content.ended_ns = clock_monotonic_ns();
        content.lasted_ns = content.ended_ns - began_ns;
        result = save(record, &content, err);
    }
    record_unlock(record, SLOT_BYTES);
    return result;
}

static int count_anew(struct record *record,
                      const struct quota_recount *recount, struct err *err)
{
    int64_t began_ns = clock_monotonic_ns();
    uint64_t noted, seen = 0;
    unsigned int closed;
    struct content content;

    if (lock_bytes(record, err) < 0 || load(record, &content, err) < 0)
        return -1;
    record_unlock(record, SLOT_BYTES);
    /* By the gate that is closed now came those a killed recount left. */
    if (drain(record, !content.gate, recount->wait_ms, err) < 0 ||
        turn(record, &noted, &closed, err) < 0 ||
        drain(record, closed, recount->wait_ms, err) < 0 ||
        recount->look(recount->context, &seen, err) < 0)
        return -1;
    return finish(record, noted, seen, began_ns, err);
}

/* How long the last recount lets the next one wait. */
static int64_t rest_ms(const struct quota_state *state)
{
    int64_t due_ns = state->ended_ns + REST * state->lasted_ns;
    int64_t now_ns = clock_monotonic_ns();

    /* Another machine's clock says nothing. */
    if (!state->is_known || state->ended_ns > now_ns || due_ns <= now_ns)
        return 0;
    return (due_ns - now_ns) / 1000000 + 1;
}

int quota_count_recount(const struct quota_count *count,
                        const struct quota_recount *recount, struct err *err)
{
    CLEANUP(record) struct record *record = NULL;
    struct quota_state state;
    int64_t rest;

    if (driver_open_record(count->driver, count->path, &record, err) < 0 ||
        record_lock(record, SLOT_RECOUNT, RECORD_EXCLUSIVE, recount->wait_ms,
                    err) < 0 ||
        quota_count_read(count, &state, err) < 0)
        return -1;
    if (state.is_known && recount->seen != UINT64_MAX &&
        state.recounts > recount->seen)
        return 0;
    rest = recount->seen != UINT64_MAX ? rest_ms(&state) : 0;
    if (rest > recount->patience_ms)
        return 0;
    if (rest > 0)
        clock_sleep_ms(rest);
    return count_anew(record, recount, err);
}
