/* SPDX-License-Identifier: MIT */
/*
 * The user timeout option (RFC 5482): both ends tell each other how long they
 * keep a connection whose data is not acknowledged.
 *
 * Owns    tcb->uto: what the peer has advertised, and whether it is our turn.
 * Never   makes an agreement of it: each end decides for itself (3), within
 *         limits that no peer can move (3.1).
 *
 * The RFC's variables: "ENABLED" is options.uto_enabled, "CHANGEABLE" the
 * opposite of options.uto_fixed, options.uto_advertised what we tell, and
 * "USER_TIMEOUT" what tcp_user_timeout says.
 */
#include "tcp/tcb.h"

/* RFC 9293 3.10.1: "the present global default is five minutes". */
#define DEFAULT_USER_TIMEOUT (300 * WEFT_SEC)

/* RFC 5482 3.3: 15 bits, of seconds or of minutes. */
#define FIELD_MAX 0x7fffu

static weft_time advertised(const struct tcp_options *options)
{
    if (options->uto_advertised > 0)
        return options->uto_advertised;
    return options->user_timeout > 0 ? options->user_timeout : DEFAULT_USER_TIMEOUT;
}

/* RFC 5482 3.1: the lower limit "MUST be larger than the current retransmission timeout". */
static weft_time lower_limit(const struct tcb *tcb)
{
    weft_time rto = tcp_rtt_rto(tcb);
    weft_time limit = tcb->tcp->config.uto_min;

    return limit > rto ? limit : rto + 1;
}

/* 3.1: the longest of what we advertise, what the peer does and the lower limit, but never above the upper one.
 * 3.3: in the synchronized states only. */
weft_time tcp_user_timeout(const struct tcb *tcb)
{
    const struct tcp_options *options = &tcb->options;
    weft_time timeout = lower_limit(tcb);

    if (!options->uto_enabled || options->uto_fixed || tcb->uto.remote == 0 ||
        tcb->state < WEFT_TCP_ESTABLISHED)
        return options->user_timeout;
    if (timeout < advertised(options))
        timeout = advertised(options);
    if (timeout < tcb->uto.remote)
        timeout = tcb->uto.remote;
    return timeout < tcb->tcp->config.uto_max ? timeout : tcb->tcp->config.uto_max;
}

void tcp_uto_fill(const struct tcp_options *options, struct wire_tcp_opts *opts)
{
    weft_time seconds = (advertised(options) + WEFT_SEC - 1) / WEFT_SEC;

    if (!options->uto_enabled)
        return;
    opts->has_user_timeout = true;
    opts->user_timeout_minutes = seconds > FIELD_MAX;
    if (opts->user_timeout_minutes)
        seconds = (seconds + 59) / 60;
    opts->user_timeout = (uint16_t)(seconds < FIELD_MAX ? seconds : FIELD_MAX);
}

/* A change is told with the next segment (3). */
void tcp_uto_changed(struct tcb *tcb)
{
    tcb->uto.is_owed = tcb->options.uto_enabled;
    tcp_timer_user_timeout_changed(tcb);
}

void tcp_uto_received(struct tcb *tcb, const struct wire_tcp_opts *opts)
{
    weft_time remote = opts->user_timeout * (opts->user_timeout_minutes ? 60 * WEFT_SEC : WEFT_SEC);

    if (!opts->has_user_timeout || !tcb->options.uto_enabled || remote == tcb->uto.remote)
        return;
    tcb->uto.remote = remote;
    tcp_trace(tcb, WEFT_TRACE_TCP_UTO, remote, tcp_user_timeout(tcb), 0, 0, 0, 0);
    if (tcb->state >= WEFT_TCP_ESTABLISHED)
        tcp_timer_user_timeout_changed(tcb);
}
