/* SPDX-License-Identifier: MIT */
/*
 * ICMP messages in general, and echo (net/icmp4.h; RFC 792, RFC 1122 3.2.2.6).
 *
 * Rules   An echo request to us alone is answered with all its data, from the
 *         address that it was sent to, as fast as the limit allows; one to many
 *         is not (3.2.2.6 MAY). Timestamps, information and address masks
 *         (3.2.2.7 to 3.2.2.9) are not answered.
 *
 * DEVIATES: RFC 1122 3.2.2.2 MUST: redirects change nothing. Whoever can write one
 *         could take our traffic, and a host here has its routes from its user.
 *         test_net_icmp4.c: ignores_what_it_does_not_act_on.
 */
#include "net/icmp4.h"

#include "base/bytes.h"
#include "base/checksum.h"
#include "net/ip4.h"
#include "net/state.h"
#include "wire/ip4.h"

#define CHECKSUM_OFFSET 2

/* The packet is somebody else's now, or freed. */
#define TAKEN WEFT_DROP_COUNT

/* What net_send will put in front of an echo reply. */
#define REPLY_HEADROOM (WIRE_IP4_LEN + WIRE_ETH_LEN + WIRE_ETH_VLAN_LEN)

/* --- Helpers --- */

static void trace_message(struct core *core, enum weft_trace_event event, unsigned iface,
                          const struct weft_addr *peer, uint8_t type, uint8_t code)
{
    if (trace_is_on(&core->trace))
        trace(&core->trace, core->now, event, iface, 0, trace_addr_high(peer), trace_addr_low(peer),
              (uint64_t)type << 8 | code, 0, 0, 0);
}

#define TOKEN 1000000u /* a whole message, in millionths: time is in microseconds, the rate in seconds */

void net_icmp4_limit_init(struct net_icmp_limit *limit, const struct core *core, uint64_t rate)
{
    uint64_t most = (rate < NET_ICMP_BURST ? rate : NET_ICMP_BURST) * TOKEN;

    *limit = (struct net_icmp_limit){.rate = rate, .tokens = most, .most = most, .filled = core->now};
}

static void fill(struct net_icmp_limit *limit, weft_time now)
{
    weft_time passed = now - limit->filled;

    limit->filled = now;
    if (passed >= limit->most / limit->rate)
        limit->tokens = limit->most;
    else
        limit->tokens += passed * limit->rate;
    if (limit->tokens > limit->most)
        limit->tokens = limit->most;
}

bool net_icmp4_may_send(struct core *core, struct net_icmp_limit *limit, const struct weft_addr *to,
                        uint8_t type, uint8_t code)
{
    fill(limit, core->now);
    if (limit->tokens >= TOKEN) {
        limit->tokens -= TOKEN;
        return true;
    }
    core_count(core, WEFT_COUNT_ICMP_LIMITED);
    trace_message(core, WEFT_TRACE_ICMP_LIMITED, 0, to, type, code);
    return false;
}

/* --- Output --- */

int net_icmp4_send(struct net *net, const struct net_tx *tx, const struct wire_icmp4 *icmp,
                   struct weft_pkt *pkt)
{
    uint8_t *header = weft_pkt_push(pkt, WIRE_ICMP4_LEN);
    struct writer w = writer_of(header, WIRE_ICMP4_LEN);
    struct net_tx with_proto = *tx;

    with_proto.proto = WIRE_PROTO_ICMP;
    wire_icmp4_emit(icmp, &w);
    put_be16(header + CHECKSUM_OFFSET, checksum_finish(checksum_pkt(pkt, header)));
    pkt->l4_off = (uint16_t)weft_pkt_headroom(pkt);
    core_count(net->core, WEFT_COUNT_ICMP_OUT);
    trace_message(net->core, WEFT_TRACE_ICMP_OUT, 0, &tx->dst, icmp->type, icmp->code);
    return net_send(net, NULL, &with_proto, pkt);
}

int net_send_echo(struct net *net, const struct net_tx *tx, uint16_t id, uint16_t seq, struct weft_pkt *pkt)
{
    struct wire_icmp4 icmp = {.type = WIRE_ICMP4_ECHO, .id = id, .seq = seq};

    return net_icmp4_send(net, tx, &icmp, pkt);
}

/* --- Input --- */

/* Moves the linear part back in its buffer if what comes in front needs more room than a link left. */
static bool make_headroom(struct weft_pkt *pkt, uint32_t needed)
{
    uint32_t has = weft_pkt_headroom(pkt);
    uint32_t missing;

    if (has >= needed)
        return true;
    missing = needed - has;
    if (missing > weft_pkt_tailroom(pkt) || (pkt->head && pkt->head->refs > 1))
        return false;
    memmove(pkt->data + missing, pkt->data, pkt->len);
    pkt->data += missing;
    return true;
}

/* Cuts the data to what the way back takes, since we do not fragment (RFC 1122 3.2.2.6). */
static void truncate_reply(struct net *net, const struct net_tx *tx, struct weft_pkt *pkt)
{
    struct net_path path = {0};

    if (net_path_find(net, &tx->src, &tx->dst, &path) == 0)
        weft_pkt_trim(pkt, net->iface[path.iface].mtu - WIRE_IP4_LEN - WIRE_ICMP4_LEN);
}

/* Turns a request, `data` at what is to be echoed, into its reply. */
static enum weft_drop answer_echo(struct net *net, struct weft_pkt *pkt, const struct net_rx *rx,
                                  const struct wire_icmp4 *request)
{
    struct wire_icmp4 icmp = {.type = WIRE_ICMP4_ECHO_REPLY, .id = request->id, .seq = request->seq};
    struct net_tx tx = {.src = rx->dst, .dst = rx->src, .tos = rx->tos};

    if (rx->dst_is_broadcast)
        return WEFT_DROP_ICMP_BROADCAST;
    if (!net_icmp4_may_send(net->core, &net->echo_limit, &rx->src, icmp.type, icmp.code)) {
        weft_pkt_free(pkt);
        return TAKEN;
    }
    truncate_reply(net, &tx, pkt);
    if (!make_headroom(pkt, REPLY_HEADROOM + WIRE_ICMP4_LEN))
        return WEFT_DROP_POOL_EMPTY;
    /* What is marked is marked of the request. */
    pkt->flags = 0;
    pkt->gso_size = pkt->gso_segs = 0;
    pkt->when = 0;
    (void)net_icmp4_send(net, &tx, &icmp, pkt);
    return TAKEN;
}

static enum weft_drop take_echo_reply(struct net *net, struct weft_pkt *pkt, const struct net_rx *rx,
                                      const struct wire_icmp4 *icmp)
{
    if (rx->dst_is_broadcast)
        return WEFT_DROP_ICMP_BROADCAST;
    if (!net->echo.reply)
        return WEFT_DROP_ICMP_TYPE;
    net->echo.reply(net->echo.ctx, pkt, rx, icmp->id, icmp->seq);
    return TAKEN;
}

static enum weft_drop take_error(struct net *net, struct weft_pkt *pkt, const struct net_rx *rx)
{
    enum weft_drop why = net_icmp4_error_input(net, pkt, rx);

    if (why == TAKEN)
        weft_pkt_free(pkt);
    return why;
}

static bool check_message(struct weft_pkt *pkt, struct wire_icmp4 *out)
{
    struct cursor c;

    if (pkt->len < WIRE_ICMP4_LEN && !weft_pkt_linearize(pkt, WIRE_ICMP4_LEN))
        return false;
    c = cursor_of(pkt->data, pkt->len);
    return wire_icmp4_parse(&c, out) && checksum_finish(checksum_pkt(pkt, pkt->data)) == 0;
}

static enum weft_drop dispatch(struct net *net, struct weft_pkt *pkt, const struct net_rx *rx)
{
    struct wire_icmp4 icmp;

    if (!check_message(pkt, &icmp))
        return WEFT_DROP_ICMP_MALFORMED;
    core_count(net->core, WEFT_COUNT_ICMP_IN);
    trace_message(net->core, WEFT_TRACE_ICMP_IN, rx->iface, &rx->src, icmp.type, icmp.code);
    if (icmp.type == WIRE_ICMP4_REDIRECT)
        return WEFT_DROP_ICMP_TYPE;
    if (wire_icmp4_is_error(icmp.type))
        return take_error(net, pkt, rx);
    if (icmp.type != WIRE_ICMP4_ECHO && icmp.type != WIRE_ICMP4_ECHO_REPLY)
        return WEFT_DROP_ICMP_TYPE;
    weft_pkt_pull(pkt, WIRE_ICMP4_LEN);
    if (icmp.type == WIRE_ICMP4_ECHO)
        return answer_echo(net, pkt, rx, &icmp);
    return take_echo_reply(net, pkt, rx, &icmp);
}

void net_icmp4_input(struct net *net, struct weft_pkt *pkt, const struct net_rx *rx)
{
    enum weft_drop why = dispatch(net, pkt, rx);

    if (why != TAKEN)
        core_drop(net->core, why, rx->iface, 0, pkt);
}
