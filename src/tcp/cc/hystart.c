/* SPDX-License-Identifier: MIT */
/* HyStart++; see hystart.h. */
#include "tcp/cc/hystart.h"

/* RFC 9406 4.3 */
#define MIN_RTT_THRESH     (4 * WEFT_MSEC)
#define MAX_RTT_THRESH     (16 * WEFT_MSEC)
#define MIN_RTT_DIVISOR    8
#define N_RTT_SAMPLE       8
#define CSS_GROWTH_DIVISOR 4
#define CSS_ROUNDS         5

/* RFC 9406 4.2: RttThresh, by which the round trip must have grown. */
static weft_time threshold(weft_time last_min_rtt)
{
    weft_time share = last_min_rtt / MIN_RTT_DIVISOR;

    if (share < MIN_RTT_THRESH)
        return MIN_RTT_THRESH;
    return share < MAX_RTT_THRESH ? share : MAX_RTT_THRESH;
}

static void take_sample(struct hystart *hystart, weft_time rtt)
{
    if (rtt == 0)
        return;
    hystart->samples++;
    if (hystart->current_min_rtt == 0 || rtt < hystart->current_min_rtt)
        hystart->current_min_rtt = rtt;
}

/* Into CSS when the round trip has grown; back when it has not, in truth. */
static void judge(struct hystart *hystart)
{
    if (hystart->samples < N_RTT_SAMPLE || hystart->current_min_rtt == 0)
        return;
    if (hystart->in_css) {
        if (hystart->current_min_rtt < hystart->css_baseline)
            hystart->in_css = false;
    } else if (hystart->last_min_rtt > 0 &&
               hystart->current_min_rtt >= hystart->last_min_rtt + threshold(hystart->last_min_rtt)) {
        hystart->in_css = true;
        hystart->css_baseline = hystart->current_min_rtt;
        hystart->css_rounds = 0;
    }
}

/* All that was out when the round began has been acknowledged. */
static void end_round(struct hystart *hystart, const struct weft_cc *cc)
{
    hystart->window_end = cc->sent;
    hystart->last_min_rtt = hystart->current_min_rtt;
    hystart->current_min_rtt = 0;
    hystart->samples = 0;
    if (hystart->in_css)
        hystart->css_rounds++;
}

bool hystart_ack(struct hystart *hystart, const struct weft_cc *cc, const struct weft_cc_ack *ack)
{
    if (hystart->window_end == 0)
        hystart->window_end = cc->sent; /* the first round: the initial window */
    take_sample(hystart, ack->rtt);
    judge(hystart);
    if (cc->acked >= hystart->window_end)
        end_round(hystart, cc);
    return hystart->in_css && hystart->css_rounds >= CSS_ROUNDS;
}

uint32_t hystart_growth(const struct hystart *hystart, const struct weft_cc *cc, uint32_t acked)
{
    uint32_t limit =
        cc->is_paced || cc->hystart_limit == UINT8_MAX ? UINT32_MAX : cc->hystart_limit * cc->mss;
    uint32_t growth = acked < limit ? acked : limit;

    return hystart->in_css ? growth / CSS_GROWTH_DIVISOR : growth;
}
