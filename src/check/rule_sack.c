/* SPDX-License-Identifier: MIT */
/* Selective acknowledgments: RFC 2018 and, for what has come twice, RFC 2883. */
#include "check/model.h"

#include <inttypes.h>

/* A SACK option in offsets. */
struct blocks {
    unsigned count;
    struct check_range at[WIRE_TCP_MAX_SACK];
    bool first_is_dsack; /* below the acknowledgment, or within another block (RFC 2883 4) */
};

/* The block that the first is a part of; `count` when there is none. */
static unsigned around_first(const struct blocks *b)
{
    unsigned i = 1;

    while (i < b->count && (b->at[0].left < b->at[i].left || b->at[0].right > b->at[i].right))
        i++;
    return i < b->count ? i : b->count;
}

static void read_blocks(const struct check_view *v, struct blocks *out)
{
    const struct check_segment *s = v->seg;

    *out = (struct blocks){.count = s->opts.nsacks};
    for (unsigned i = 0; i < out->count; i++)
        out->at[i] = (struct check_range){check_offset(v->peer, s->opts.sack[i].left),
                                          check_offset(v->peer, s->opts.sack[i].right)};
    out->first_is_dsack = out->count > 0 && (out->at[0].right <= s->ack || around_first(out) < out->count);
}

static void check_block(const struct check_view *v, const struct check_range *block, bool is_dsack)
{
    int64_t ack = v->seg->ack;

    if (block->left >= block->right) {
        check_report(v, CHECK_SACK_BLOCK, 0, "a SACK block goes from %" PRId64 " to %" PRId64, block->left,
                     block->right);
        return;
    }
    if (!check_ranges_cover(&v->peer->sent, block->left, block->right))
        check_report(v, CHECK_SACK_UNSEEN, 0,
                     "the SACK block %" PRId64 "-%" PRId64 " has bytes that have not come", block->left,
                     block->right);
    if (!is_dsack && block->left < ack)
        check_report(v, CHECK_SACK_BELOW, 0,
                     "the SACK block %" PRId64 "-%" PRId64 " begins below the acknowledgment %" PRId64,
                     block->left, block->right, ack);
    else if (!is_dsack && block->left == ack)
        check_report(v, CHECK_SACK_TOUCHES, 0,
                     "the SACK block %" PRId64 "-%" PRId64 " begins at the acknowledgment", block->left,
                     block->right);
}

static void check_isolated(const struct check_view *v, const struct blocks *b)
{
    for (unsigned i = b->first_is_dsack; i < b->count; i++)
        for (unsigned j = i + 1; j < b->count; j++)
            if (b->at[i].left <= b->at[j].right && b->at[j].left <= b->at[i].right)
                check_report(v, CHECK_SACK_TOUCHES, 0,
                             "the SACK blocks %" PRId64 "-%" PRId64 " and %" PRId64 "-%" PRId64 " touch",
                             b->at[i].left, b->at[i].right, b->at[j].left, b->at[j].right);
}

static void check_dsack(const struct check_view *v, const struct blocks *b)
{
    if (b->first_is_dsack && b->at[0].left < b->at[0].right &&
        !check_ranges_cover(&v->peer->twice, b->at[0].left, b->at[0].right))
        check_report(v, CHECK_DSACK_FALSE, 0,
                     "the D-SACK block %" PRId64 "-%" PRId64 " has bytes that have not come twice",
                     b->at[0].left, b->at[0].right);
}

/* RFC 2883 4 (1), (2): a D-SACK tells of the segment that has just come, and its ACK may be lost. Pieces of a
 * super-segment have the same options. */
static void check_dsack_again(const struct check_view *v, const struct blocks *b)
{
    const struct check_owed *owed = &v->me->owed;

    if (b->first_is_dsack && !owed->any_came && v->seg->len == 0 &&
        v->seg->now - owed->came_at >= v->check->config.slack)
        check_report(v, CHECK_DSACK_AGAIN, 0,
                     "the D-SACK %" PRId64 "-%" PRId64 " is sent, but nothing has come since the last ACK",
                     b->at[0].left, b->at[0].right);
}

/* RFC 2883 4 (4). What has come between the duplicate and the ACK may stand before it. */
static void check_dsack_place(const struct check_view *v, const struct blocks *b)
{
    unsigned around = around_first(b);

    if (v->me->owed.came == 1 && v->me->owed.fresh_count == 0 && b->at[0].right > v->seg->ack && around > 1 &&
        around < b->count)
        check_report(v, CHECK_DSACK_PLACE, 0,
                     "the D-SACK %" PRId64 "-%" PRId64 " is part of block %u; that should be the second",
                     b->at[0].left, b->at[0].right, around + 1);
}

/* RFC 2018 4, first rule. What has come since the last ACK is in the first block (behind a D-SACK, in the second). */
static void check_first(const struct check_view *v, const struct blocks *b)
{
    const struct check_owed *owed = &v->me->owed;
    const struct check_range *first = &b->at[b->first_is_dsack];
    unsigned n = owed->fresh_count < CHECK_FRESH ? owed->fresh_count : CHECK_FRESH;

    if (b->count <= b->first_is_dsack || owed->fresh_count == 0 || owed->fresh_count > CHECK_FRESH)
        return;
    if (owed->came != owed->fresh_count) /* something else may have been the last */
        return;
    if (v->seg->ack > v->me->acked || v->seg->now - owed->fresh_last < v->check->config.slack)
        return;
    for (unsigned i = 0; i < n; i++)
        if (owed->fresh[i].left < first->right && first->left < owed->fresh[i].right)
            return;
    check_report(v, CHECK_SACK_FIRST, owed->disorder_packet,
                 "the first SACK block is %" PRId64 "-%" PRId64 ", but what came is %" PRId64 "-%" PRId64,
                 first->left, first->right, owed->fresh[n - 1].left, owed->fresh[n - 1].right);
}

static void check_missing(const struct check_view *v)
{
    const struct check_owed *owed = &v->me->owed;

    if (!v->me->has_sent_sack || v->seg->opts.nsacks > 0 || !owed->disorder || v->seg->len > 0)
        return;
    if (v->seg->now - owed->fresh_last < v->check->config.slack ||
        v->seg->ack >= owed->fresh[(owed->fresh_count - 1) % CHECK_FRESH].right)
        return;
    check_report(v, CHECK_SACK_MISSING, owed->disorder_packet,
                 "the ACK of a segment out of order has no SACK, though others had");
}

void check_rules_sack(const struct check_view *v)
{
    struct blocks b;

    if (!v->seg->has_ack || check_is_syn(v->seg))
        return;
    check_missing(v);
    read_blocks(v, &b);
    if (b.count == 0)
        return;
    if (v->peer->syn.seen && !(v->peer->syn.offers & CHECK_OFFER_SACK))
        check_report(v, CHECK_SACK_UNASKED, v->peer->syn.packet,
                     "SACK is sent to a peer that has not permitted it");
    for (unsigned i = 0; i < b.count; i++)
        check_block(v, &b.at[i], i == 0 && b.first_is_dsack);
    check_isolated(v, &b);
    check_dsack(v, &b);
    check_dsack_again(v, &b);
    check_dsack_place(v, &b);
    check_first(v, &b);
}
