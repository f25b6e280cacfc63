/* SPDX-License-Identifier: MIT */
#include "store/untagged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "oci/manifest.h"
#include "store/layout.h"
#include "store/link.h"
#include "store/manifest_store.h"
#include "store/protection.h"
#include "store/tag.h"

/* A manifest of the repository; nodes are sorted by their digests. */
struct node {
    struct digest digest;
    int64_t lease_ns;
    enum untagged_verdict verdict;
    size_t of;      /* the node it stays for */
    char *tag;      /* owned; NULL = none names it */
    size_t first;   /* of its edges */
    size_t waiting; /* edges from nodes that have to go before it */
    bool is_done;
};

/* While `from` stays, so does `to`. */
struct edge {
    size_t from, to;
    bool is_referrer; /* `to` has `from` as its subject */
};

struct graph {
    const struct store *store;
    const char *name;
    const struct untagged *how;
    struct untagged_removed *removed;
    struct node *nodes;
    size_t count;
    struct edge *edges; /* sorted by `from` once all are there */
    size_t edge_count;
    size_t *stack; /* of nodes; as many as there are */
    size_t depth;
    bool is_stopped;
};

static void graph_cleanup(struct graph *graph)
{
    for (size_t i = 0; i < graph->count; i++)
        free(graph->nodes[i].tag);
    free(graph->nodes);
    free(graph->edges);
    free(graph->stack);
}

uint64_t untagged_age(uint64_t age, uint64_t grace)
{
    uint64_t least = grace + grace / 4;

    return age > least ? age : least;
}

int64_t untagged_cutoff(int64_t now_ns, uint64_t age, uint64_t grace)
{
    uint64_t seconds = untagged_age(age, grace);
    uint64_t most = (uint64_t)(INT64_MAX / CLOCK_NS_PER_SECOND);

    if (seconds > most || (int64_t)seconds * CLOCK_NS_PER_SECOND > now_ns)
        return 0;
    return now_ns - (int64_t)seconds * CLOCK_NS_PER_SECOND;
}

/* --- which manifests there are --- */

static int compare_digests(const struct digest *a, const struct digest *b)
{
    if (a->algorithm != b->algorithm)
        return a->algorithm < b->algorithm ? -1 : 1;
    return strcmp(a->hex, b->hex);
}

static int compare_nodes(const void *a, const void *b)
{
    const struct node *x = a, *y = b;

    return compare_digests(&x->digest, &y->digest);
}

static bool find_node(const struct graph *graph, const struct digest *digest,
                      size_t *out)
{
    size_t low = 0, high = graph->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_digests(&graph->nodes[middle].digest, digest);

        if (order == 0) {
            *out = middle;
            return true;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

struct listing {
    struct graph *graph;
    enum hash_algorithm algorithm;
};

/* What is no link is found out when it is read, and stops everything. */
static int add_node(void *context, const char *hex, bool is_directory,
                    struct err *err)
{
    const struct listing *listing = context;
    struct graph *graph = listing->graph;
    const struct store *store = graph->store;
    char text[DIGEST_TEXT_MAX + 1];
    struct err none = {0};
    struct node node = {0};
    struct layout_path link;
    struct driver_stat stat;
    bool is_there;

    snprintf(text, sizeof(text), "%s:%s",
             digest_algorithm_name(listing->algorithm), hex);
    if (!is_directory || digest_parse(span_of(text), &node.digest, &none) < 0)
        return 0;
    link = layout_revision_link(graph->name, &node.digest);
    /* The time first: who puts it anew in between makes it younger only. */
    if (driver_stat_if_there(store->driver, link.text, &stat, &is_there, err) <
        0)
        return -1;
    if (!is_there)
        return 0;
    node.lease_ns = stat.mtime_ns;
    graph->nodes = memory_grow(graph->nodes, graph->count, sizeof(node));
    graph->nodes[graph->count++] = node;
    return 0;
}

static int list_nodes(struct graph *graph, struct err *err)
{
    for (enum hash_algorithm i = 0; i < HASH_COUNT; i++) {
        struct listing listing = {graph, i};
        struct layout_path path =
            layout_revisions(graph->name, listing.algorithm);

        if (driver_list_if_there(graph->store->driver, path.text, NULL,
                                 add_node, &listing, err) < 0)
            return -1;
    }
    if (graph->count > 0)
        qsort(graph->nodes, graph->count, sizeof(*graph->nodes), compare_nodes);
    graph->stack = memory_new((graph->count + 1) * sizeof(*graph->stack));
    return 0;
}

/* --- what needs what --- */

static void add_edge(struct graph *graph, size_t from, size_t to,
                     bool is_referrer)
{
    graph->edges =
        memory_grow(graph->edges, graph->edge_count, sizeof(*graph->edges));
    graph->edges[graph->edge_count++] = (struct edge){from, to, is_referrer};
}

/* Bytes that are damaged do not tell what they need. */
static int load(const struct graph *graph, const struct digest *digest,
                struct manifest **out, struct err *err)
{
    CLEANUP(buf) struct buf bytes = BUF_INIT(MANIFEST_BYTES_MAX);
    struct layout_path link = layout_revision_link(graph->name, digest);
    struct digest stored;

    if (link_resolve(graph->store, &link, digest, &stored, err) == 0 &&
        manifest_load(graph->store, &stored, &bytes, out, err) == 0)
        return 0;
    return err->code == ERR_NOT_FOUND ? err_recode(err, ERR_MANIFEST_UNKNOWN)
                                      : -1;
}

/* What somebody else deletes just now needs nothing. */
static bool is_gone(const struct graph *graph, const struct digest *digest)
{
    struct err err = {0};

    return manifest_check(graph->store, graph->name, digest, &err) < 0 &&
           err.code == ERR_MANIFEST_UNKNOWN;
}

static int read_node(struct graph *graph, size_t node, struct err *err)
{
    const struct digest *digest = &graph->nodes[node].digest;
    CLEANUP(manifest) struct manifest *manifest = NULL;

    if (load(graph, digest, &manifest, err) < 0) {
        if (!is_gone(graph, digest))
            return -1;
        err_clear(err);
        graph->nodes[node].is_done = true;
        return 0;
    }
    for (size_t i = 0; i < manifest_reference_count(manifest); i++) {
        struct manifest_reference reference;
        size_t other;

        manifest_reference_at(manifest, i, &reference);
        if ((reference.kind != MANIFEST_CHILD &&
             reference.kind != MANIFEST_SUBJECT) ||
            !find_node(graph, &reference.descriptor.digest, &other))
            continue;
        if (reference.kind == MANIFEST_CHILD)
            add_edge(graph, node, other, false);
        else
            add_edge(graph, other, node, true);
    }
    return 0;
}

static int compare_edges(const void *a, const void *b)
{
    const struct edge *x = a, *y = b;

    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static int read_edges(struct graph *graph, struct err *err)
{
    for (size_t i = 0; i < graph->count; i++) {
        char text[DIGEST_TEXT_MAX];

        if (read_node(graph, i, err) == 0)
            continue;
        digest_format(&graph->nodes[i].digest, text);
        return err_wrap(err,
                        "%s: no untagged manifest goes, as %s cannot be "
                        "read",
                        graph->name, text);
    }
    if (graph->edge_count > 0)
        qsort(graph->edges, graph->edge_count, sizeof(*graph->edges),
              compare_edges);
    for (size_t i = graph->edge_count; i-- > 0;)
        graph->nodes[graph->edges[i].from].first = i;
    return 0;
}

/* The edges of a node one after the other; NULL behind the last. */
static const struct edge *edge_at(const struct graph *graph, size_t node,
                                  size_t index)
{
    size_t at = graph->nodes[node].first + index;

    return at < graph->edge_count && graph->edges[at].from == node
               ? &graph->edges[at]
               : NULL;
}

/* --- what stays --- */

/* A node that stays keeps others; each is on the stack at most once. */
static void spread(struct graph *graph, size_t start)
{
    const struct edge *edge;

    graph->stack[graph->depth++] = start;
    while (graph->depth > 0) {
        size_t from = graph->stack[--graph->depth];

        for (size_t i = 0; (edge = edge_at(graph, from, i)) != NULL; i++) {
            struct node *to = &graph->nodes[edge->to];

            if (to->verdict != UNTAGGED_GOES || to->is_done)
                continue;
            to->verdict = edge->is_referrer ? UNTAGGED_REFERRER : UNTAGGED_PART;
            to->of = from;
            graph->stack[graph->depth++] = edge->to;
        }
    }
}

/* What the tag names; false when that was deleted just now. */
static int look_at_tag(const struct graph *graph, const char *tag,
                       struct digest *out, bool *is_there, struct err *err)
{
    struct layout_path current = layout_tag_current(graph->name, tag);
    struct driver_stat stat;
    struct err why = {0}, gone = {0};

    *is_there = tag_resolve(graph->store, graph->name, tag, out, &why) == 0;
    if (*is_there ||
        (why.code == ERR_MANIFEST_UNKNOWN &&
         driver_stat(graph->store->driver, current.text, &stat, &gone) < 0 &&
         gone.code == ERR_NOT_FOUND))
        return 0;
    *err = why;
    return err_wrap(err, "%s: no untagged manifest goes, as tag %s is damaged",
                    graph->name, tag);
}

static int note_tag(void *context, const char *tag, struct err *err)
{
    struct graph *graph = context;
    const struct untagged *how = graph->how;
    struct digest digest;
    bool is_there;
    size_t i;

    if (how->ignores_tag != NULL && how->ignores_tag(how->context, tag))
        return 0;
    if (look_at_tag(graph, tag, &digest, &is_there, err) < 0)
        return -1;
    if (!is_there || !find_node(graph, &digest, &i) ||
        graph->nodes[i].tag != NULL)
        return 0;
    graph->nodes[i].tag = memory_copy_text(tag);
    graph->nodes[i].verdict = UNTAGGED_TAGGED;
    return 0;
}

static int judge(struct graph *graph, struct err *err)
{
    if (tag_list(graph->store, graph->name, NULL, note_tag, graph, err) < 0) {
        if (err->code != ERR_NAME_UNKNOWN)
            return -1;
        err_clear(err);
    }
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].verdict == UNTAGGED_TAGGED)
            spread(graph, i);
    for (size_t i = 0; i < graph->count; i++) {
        struct node *node = &graph->nodes[i];

        if (node->verdict != UNTAGGED_GOES ||
            node->lease_ns < graph->how->cutoff_ns)
            continue;
        node->verdict = UNTAGGED_YOUNG;
        spread(graph, i);
    }
    return 0;
}

/* --- what goes --- */

static int tell(struct graph *graph, size_t i, struct err *err)
{
    const struct untagged *how = graph->how;
    const struct node *node = &graph->nodes[i];
    bool is_kept =
        node->verdict == UNTAGGED_PART || node->verdict == UNTAGGED_REFERRER;
    struct untagged_manifest manifest = {
        .digest = &node->digest,
        .lease_ns = node->lease_ns,
        .verdict = node->verdict,
        .tag = node->tag,
        .of = is_kept ? &graph->nodes[node->of].digest : NULL,
    };
    int result;

    if (node->verdict == UNTAGGED_GOES)
        graph->removed->count++;
    else
        graph->removed->stayed++;
    result = how->visit != NULL ? how->visit(how->context, &manifest, err) : 0;
    graph->is_stopped = result > 0;
    return result < 0 ? -1 : 0;
}

/* Its lease is looked at once more, at the very moment it goes. */
static int take(struct graph *graph, const struct node *node, bool *is_renewed,
                struct err *err)
{
    struct driver *driver = graph->store->driver;
    struct layout_path revision = layout_revision(graph->name, &node->digest);
    struct layout_path link = layout_revision_link(graph->name, &node->digest);
    struct driver_condition condition = {
        .member = LAYOUT_LINK,
        .before_ns = graph->how->cutoff_ns,
    };
    char text[DIGEST_TEXT_MAX];
    struct digest stored;

    if (link_resolve(graph->store, &link, &node->digest, &stored, err) == 0) {
        digest_format(&stored, text);
        condition.bytes = span_of(text);
        if (driver_remove_if(driver, revision.text, &condition, err) == 0)
            return 0;
    }
    if (err->code != ERR_NOT_FOUND && err->code != ERR_EXISTS &&
        err->code != ERR_BUSY)
        return -1;
    *is_renewed = err->code != ERR_NOT_FOUND; /* else another took it */
    err_clear(err);
    return 0;
}

static int finish(struct graph *graph, size_t i, struct err *err)
{
    struct node *node = &graph->nodes[i];
    bool is_renewed = false;

    node->is_done = true;
    if (node->verdict != UNTAGGED_GOES)
        return 0;
    if (!graph->how->dry_run && take(graph, node, &is_renewed, err) < 0)
        return -1;
    if (!is_renewed)
        return tell(graph, i, err);
    node->verdict = UNTAGGED_RENEWED;
    return 0;
}

/* Puts those behind it on the stack that have nothing else to wait for. */
static void release(struct graph *graph, size_t from, size_t *ready,
                    size_t *ready_count)
{
    const struct edge *edge;

    for (size_t i = 0; (edge = edge_at(graph, from, i)) != NULL; i++) {
        struct node *to = &graph->nodes[edge->to];

        if (to->waiting > 0 && --to->waiting == 0 && !to->is_done)
            ready[(*ready_count)++] = edge->to;
    }
}

/*
 * Each after what it is needed by. Only who refers to his own index goes round
 * in a circle; one of that has to be the first.
 */
static int remove_in_order(struct graph *graph, size_t *ready, struct err *err)
{
    size_t count = 0, next = 0;

    for (size_t i = 0; i < graph->edge_count; i++)
        if (graph->nodes[graph->edges[i].from].verdict == UNTAGGED_GOES)
            graph->nodes[graph->edges[i].to].waiting++;
    for (size_t i = 0; i < graph->count; i++)
        if (graph->nodes[i].verdict == UNTAGGED_GOES &&
            graph->nodes[i].waiting == 0 && !graph->nodes[i].is_done)
            ready[count++] = i;
    while (!graph->is_stopped) {
        size_t i;

        while (count == 0 && next < graph->count &&
               (graph->nodes[next].is_done ||
                graph->nodes[next].verdict != UNTAGGED_GOES))
            next++;
        if (count == 0 && next == graph->count)
            return 0;
        i = count > 0 ? ready[--count] : next;
        if (graph->nodes[i].is_done)
            continue;
        if (finish(graph, i, err) < 0)
            return -1;
        if (graph->nodes[i].verdict == UNTAGGED_RENEWED)
            spread(graph, i);
        release(graph, i, ready, &count);
    }
    return 0;
}

static int remove_all(struct graph *graph, struct err *err)
{
    size_t *ready = memory_new((graph->count + 1) * sizeof(*ready));
    int result = remove_in_order(graph, ready, err);

    free(ready);
    for (size_t i = 0; result == 0 && !graph->is_stopped && i < graph->count;
         i++)
        if (graph->nodes[i].verdict != UNTAGGED_GOES)
            result = tell(graph, i, err);
    return result;
}

int untagged_remove(const struct store *store, const char *name,
                    const struct untagged *how,
                    struct untagged_removed *removed, struct err *err)
{
    CLEANUP(graph)
    struct graph graph = {
        .store = store, .name = name, .how = how, .removed = removed};

    if (protection_check_rules(store, err) < 0 || list_nodes(&graph, err) < 0 ||
        read_edges(&graph, err) < 0 || judge(&graph, err) < 0)
        return -1;
    return remove_all(&graph, err);
}
