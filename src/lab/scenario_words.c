/* SPDX-License-Identifier: MIT */
/*
 * The words of scenarios: one table for each kind of part. weft-scenario(5)
 * is their page, and a test compares the two.
 */
#include "lab/scenario.h"

#include <stddef.h>

#define AT(type, member) offsetof(struct type, member)

/* --- Hosts --- */

static const char *const cookies[] = {"when-full", "always", "never", NULL}; /* enum weft_syn_cookies */
static const char *const algorithms[] = {"cubic", "newreno", "bbr", NULL};
static const char *const ecn[] = {"accept", "ask", "off", NULL};               /* enum weft_ecn */
static const char *const probing[] = {"on-black-hole", "always", "off", NULL}; /* enum weft_mtu_probing */

const struct lab_word lab_host_words[] = {
    {"send-buffer", LAB_SIZE32, AT(lab_host, tcp.send_buffer), 0, 0, NULL, "bytes a connection may queue"},
    {"receive-buffer", LAB_SIZE32, AT(lab_host, tcp.receive_buffer), 0, 0, NULL,
     "bytes a connection may hold unread"},
    {"msl", LAB_TIME, AT(lab_host, tcp.msl), 0, 0, NULL, "half of TIME-WAIT"},
    {"rto-min", LAB_TIME, AT(lab_host, tcp.rto_min), 0, 0, NULL, "least retransmission timeout"},
    {"rto-initial", LAB_TIME, AT(lab_host, tcp.rto_initial), 0, 0, NULL, "before a round trip is measured"},
    {"rto-max", LAB_TIME, AT(lab_host, tcp.rto_max), 0, 0, NULL, "most"},
    {"delayed-ack", LAB_TIME, AT(lab_host, tcp.delayed_ack), 0, 0, NULL, "how long an ACK may wait"},
    {"fin-wait-2", LAB_TIME, AT(lab_host, tcp.fin_wait_2), 0, 0, NULL, "how long a closed connection waits"},
    {"initial-window", LAB_COUNT8, AT(lab_host, tcp.initial_window_segs), 0, 0, NULL, "segments"},
    {"syn-retries", LAB_COUNT8, AT(lab_host, tcp.syn_retries), 0, 0, NULL, "of an open"},
    {"data-retries", LAB_COUNT8, AT(lab_host, tcp.data_retries), 0, 0, NULL,
     "before a connection is given up"},
    {"syn-ack-retries", LAB_COUNT8, AT(lab_host, tcp.syn_ack_retries), 0, 0, NULL, "of an answer to a SYN"},
    {"orphan-window", LAB_TIME, AT(lab_host, tcp.orphan_window), 0, 0, NULL,
     "a closed connection waits for a shut window"},
    {"syn-cookies", LAB_CHOICE8, AT(lab_host, tcp.syn_cookies), 0, 0, cookies, "RFC 4987 3.6"},
    {"congestion", LAB_PICK, AT(lab_host, tcp.congestion), 0, 0, algorithms, "control of congestion"},
    {"ecn", LAB_CHOICE, AT(lab_host, tcp.ecn), 0, 0, ecn, "RFC 3168"},
    {"mtu-probing", LAB_CHOICE8, AT(lab_host, tcp.mtu_probing), 0, 0, probing, "RFC 4821"},
    {"mtu-base", LAB_COUNT, AT(lab_host, tcp.mtu_base), 552, 65535, NULL, "what a search begins with"},
    {"buffer-initial", LAB_SIZE32, AT(lab_host, tcp.buffer_initial), 0, 0, NULL,
     "what tuned buffers begin with"},
    {"max-connections", LAB_COUNT, AT(lab_host, tcp.max_connections), 0, 0, NULL, "and listeners"},
    {"syn-cache", LAB_COUNT, AT(lab_host, tcp.syn_cache), 0, 0, NULL, "half-open connections"},
    {"time-wait", LAB_COUNT, AT(lab_host, tcp.time_wait), 0, 0, NULL, "records of closed connections"},
    {"ranges", LAB_COUNT, AT(lab_host, tcp.ranges), 0, 0, NULL, "intervals of sent and held data, each"},
    {"wscale-least", LAB_COUNT8, AT(lab_host, tcp.wscale_least), 0, 14, NULL,
     "least window scale that is offered"},
    {"burst-segs", LAB_COUNT8, AT(lab_host, tcp.burst_segs), 0, 0, NULL, "with push-bursts"},
    {"fast-open-losses", LAB_COUNT8, AT(lab_host, tcp.fast_open_losses), 0, 0, NULL,
     "in a row, with which fast-open-pause begins"},
    {"fast-open-pause", LAB_TIME, AT(lab_host, tcp.fast_open_pause), 0, 0, NULL,
     "for servers that take no fast opens"},
    {"fast-open-peers", LAB_COUNT, AT(lab_host, tcp.fast_open_peers), 0, 0, NULL, "whose cookies are kept"},
    {"challenges", LAB_COUNT16, AT(lab_host, tcp.challenges), 0, 0, NULL,
     "RFC 5961: ACKs in 5 s of a connection"},
    {"uto-min", LAB_TIME, AT(lab_host, tcp.uto_min), 0, 0, NULL,
     "least that a peer makes of our user timeout"},
    {"uto-max", LAB_TIME, AT(lab_host, tcp.uto_max), 0, 0, NULL, "and most"},
    {"host-cache-entries", LAB_COUNT, AT(lab_host, tcp.host_cache_entries), 0, 0, NULL,
     "hosts that are remembered"},
    {"host-cache-expire", LAB_TIME, AT(lab_host, tcp.host_cache_expire), 0, 0, NULL, "for so long"},
    {"wscale-first", LAB_SWITCH, AT(lab_host, tcp.wscale_first), 0, 0, NULL,
     "a SYN's options in the order of the BSDs"},
    {"answers-delay-acks", LAB_SWITCH, AT(lab_host, tcp.answers_delay_acks), 0, 0, NULL,
     "ACKs wait from the beginning of a conversation"},
    {"soft-errors-end-opens", LAB_SWITCH, AT(lab_host, tcp.soft_errors_end_opens), 0, 0, NULL,
     "RFC 5461 4.2"},
    {"ao-drop-unmatched", LAB_SWITCH, AT(lab_host, tcp.ao_drop_unmatched), 0, 0, NULL,
     "RFC 5925 7.3: segments for which nobody has a key"},
    {"fast-open-all-connects", LAB_SWITCH, AT(lab_host, tcp.fast_open_all_connects), 0, 0, NULL,
     "the first write goes with the SYN"},
    {"no-timestamps", LAB_SWITCH, AT(lab_host, tcp.no_timestamps), 0, 0, NULL, "RFC 7323 off"},
    {"no-window-scale", LAB_SWITCH, AT(lab_host, tcp.no_window_scale), 0, 0, NULL, "RFC 7323 2 off"},
    {"no-sack", LAB_SWITCH, AT(lab_host, tcp.no_sack), 0, 0, NULL, "RFC 2018 off"},
    {"no-rack", LAB_SWITCH, AT(lab_host, tcp.no_rack), 0, 0, NULL, "RFC 6675 instead of RFC 8985"},
    {"tail-probe-min", LAB_TIME, AT(lab_host, tcp.tail_probe_min), 0, 0, NULL, "soonest tail loss probe"},
    {"hystart-limit", LAB_COUNT8, AT(lab_host, tcp.hystart_limit), 0, 0, NULL,
     "segments an ACK adds in slow start"},
    {"no-tail-probe", LAB_SWITCH, AT(lab_host, tcp.no_tail_probe), 0, 0, NULL, "RFC 8985 7 off"},
    {"no-idle-restart", LAB_SWITCH, AT(lab_host, tcp.no_idle_restart), 0, 0, NULL,
     "cwnd is kept over pauses"},
    {"no-buffer-tuning", LAB_SWITCH, AT(lab_host, tcp.no_buffer_tuning), 0, 0, NULL,
     "buffers have their full size at once"},
    {"no-fast-path", LAB_SWITCH, AT(lab_host, tcp.no_fast_path), 0, 0, NULL, "every segment step by step"},
    {"no-fast-open-connect", LAB_SWITCH, AT(lab_host, tcp.no_fast_open_connect), 0, 0, NULL,
     "no data in our SYNs"},
    {"no-fast-open-listen", LAB_SWITCH, AT(lab_host, tcp.no_fast_open_listen), 0, 0, NULL,
     "nor taken from others"},
    {"fast-open-all-listeners", LAB_SWITCH, AT(lab_host, tcp.fast_open_all_listeners), 0, 0, NULL,
     "without being asked"},
    {"fast-open-send-without-cookie", LAB_SWITCH, AT(lab_host, tcp.fast_open_send_without_cookie), 0, 0, NULL,
     "data goes to every server"},
    {"fast-open-take-without-cookie", LAB_SWITCH, AT(lab_host, tcp.fast_open_take_without_cookie), 0, 0, NULL,
     "and is taken of every client"},
    {"fast-open-experimental", LAB_SWITCH, AT(lab_host, tcp.fast_open_experimental), 0, 0, NULL,
     "kind 254, too"},
    {"no-eifel", LAB_SWITCH, AT(lab_host, tcp.no_eifel), 0, 0, NULL, "RFC 3522 off"},
    {"no-frto", LAB_SWITCH, AT(lab_host, tcp.no_frto), 0, 0, NULL, "RFC 5682 off"},
    {"no-dsack-undo", LAB_SWITCH, AT(lab_host, tcp.no_dsack_undo), 0, 0, NULL, "DSACKs undo nothing"},
    {"no-dsack", LAB_SWITCH, AT(lab_host, tcp.no_dsack), 0, 0, NULL, "RFC 2883 off"},
    {"no-limited-transmit", LAB_SWITCH, AT(lab_host, tcp.no_limited_transmit), 0, 0, NULL, "RFC 3042 off"},
    {"no-prr", LAB_SWITCH, AT(lab_host, tcp.no_prr), 0, 0, NULL, "RFC 6675 instead of RFC 9937"},
    {"no-abc", LAB_SWITCH, AT(lab_host, tcp.no_abc), 0, 0, NULL, "RFC 3465 off"},
    {"no-hystart", LAB_SWITCH, AT(lab_host, tcp.no_hystart), 0, 0, NULL, "RFC 9406 off"},
    {"tolerate-missing-timestamps", LAB_SWITCH, AT(lab_host, tcp.tolerate_missing_timestamps), 0, 0, NULL,
     "segments that lack them are taken"},
    {"push-bursts", LAB_SWITCH, AT(lab_host, tcp.push_bursts), 0, 0, NULL, "PSH on the last of each burst"},
    {"host-cache", LAB_SWITCH, AT(lab_host, tcp.host_cache), 0, 0, NULL,
     "RFC 9040: what connections have learned of a host"},
    {"no-pacing", LAB_SWITCH, AT(lab_host, tcp.no_pacing), 0, 0, NULL, "data leaves in bursts"},
    {"no-check", LAB_SWITCH, AT(lab_host, no_check), 0, 0, NULL,
     "invariants are not checked after each event"},
    {"pool", LAB_COUNT, AT(lab_host, pool), 64, 1000000, NULL, "packets of a pool of its own"},
    {"tx-queue", LAB_COUNT, AT(lab_host, tx_queue), 0, 0, NULL, "packets that may wait for a link"},
    {0},
};

const struct lab_word lab_router_words[] = {
    {"no-icmp", LAB_SWITCH, AT(lab_node, no_icmp), 0, 0, NULL, "says nothing of what it drops"},
    {0},
};

/* --- Links --- */

static const char *const link_types[] = {"ip", "ethernet", NULL};
static const char *const queue_kinds[] = {"tail", "red", "codel", NULL};

const struct lab_word lab_link_words[] = {
    {"type", LAB_CHOICE, AT(lab_link_both, type), 0, 0, link_types, "what a frame begins with"},
    {"mtu", LAB_COUNT, AT(lab_link_both, mtu), 68, 65535, NULL,
     "bytes of the largest packet; when it changes, routers report what is larger"},
    {"offload", LAB_SWITCH, AT(lab_link_both, offload), 0, 0, NULL,
     "takes super-segments and checksums over from the host"},
    {0},
};

#define LINE(member) offsetof(struct weft_wire_direction, member)
const struct lab_word lab_line_words[] = {
    {"delay", LAB_TIME, LINE(delay), 0, 0, NULL, "of every packet"},
    {"jitter", LAB_TIME, LINE(jitter), 0, 0, NULL, "up to this much more; keeps the order"},
    {"rate", LAB_RATE, LINE(rate), 0, 1000000000000000, NULL, "of whole frames; 0: no limit"},
    {"queue", LAB_COUNT, LINE(queue.packets), 0, 1000000, NULL, "packets that may wait for the rate; 1000"},
    {"queue-bytes", LAB_SIZE32, LINE(queue.bytes), 0, 0, NULL, "the same in bytes"},
    {"aqm", LAB_CHOICE, LINE(queue.kind), 0, 0, queue_kinds, "who is dropped"},
    {"ecn", LAB_SWITCH, LINE(queue.ecn), 0, 0, NULL, "RED and CoDel mark instead of dropping"},
    {"red-min", LAB_COUNT, LINE(queue.red_min), 0, 0, NULL, "average of waiting packets at which RED begins"},
    {"red-max", LAB_COUNT, LINE(queue.red_max), 0, 0, NULL, "and at which it drops a tenth"},
    {"target", LAB_TIME, LINE(queue.target), 0, 0, NULL, "of CoDel; 5ms"},
    {"interval", LAB_TIME, LINE(queue.interval), 0, 0, NULL, "of CoDel; 100ms"},
    {"loss", LAB_CHANCE, LINE(loss), 0, 0, NULL, "of each packet"},
    {"burst-enter", LAB_CHANCE, LINE(burst_enter), 0, 0, NULL, "a bad time begins with a packet"},
    {"burst-leave", LAB_CHANCE, LINE(burst_leave), 0, 0, NULL, "and ends"},
    {"burst-loss", LAB_CHANCE, LINE(burst_loss), 0, 0, NULL, "of each packet in a bad time"},
    {"burst-most", LAB_TIME, LINE(burst_most), 0, 0, NULL, "which ends after so long at the latest"},
    {"reorder", LAB_CHANCE, LINE(reorder), 0, 0, NULL, "a packet is held back while others pass"},
    {"reorder-delay", LAB_TIME, LINE(reorder_delay), 0, 0, NULL, "for so long; 1ms"},
    {"duplicate", LAB_CHANCE, LINE(duplicate), 0, 0, NULL, "a packet comes twice"},
    {"corrupt", LAB_CHANCE, LINE(corrupt), 0, 0, NULL, "a bit of a packet is flipped"},
    {"swallow", LAB_COUNT, LINE(mtu), 0, 0, NULL, "packets of more bytes vanish; 0: none"},
    {"down", LAB_SWITCH, LINE(down), 0, 0, NULL, "nothing gets through"},
    {0},
};
#undef LINE

/* --- Middleboxes --- */

static const char *const box_options[] = {"mss",        "wscale",    "sack-permitted", "sack",
                                          "timestamps", "fast-open", "other",          NULL};
static const char *const box_ecn[] = {"pass", "bleach", "mark", "mark-all", "deaf", NULL};
static const char *const box_syn_text[] = {"pass", "drop", "trim", NULL};

#define BOX(member) offsetof(struct weft_box_config, member)
const struct lab_word lab_box_words[] = {
    {"strip-syn", LAB_MASK, BOX(strip_syn), 0, 0, box_options, "options erased in SYNs"},
    {"strip", LAB_MASK, BOX(strip), 0, 0, box_options, "in all segments"},
    {"rewrite", LAB_SWITCH, BOX(rewrite), 0, 0, NULL, "sequence numbers are others on both sides"},
    {"window", LAB_SIZE32, BOX(window), 0, 0, NULL, "windows are limited to so many bytes; 0: not"},
    {"ecn", LAB_CHOICE, BOX(ecn), 0, 0, box_ecn, "what becomes of congestion marks"},
    {"syn-text", LAB_CHOICE, BOX(syn_text), 0, 0, box_syn_text, "what becomes of text in a SYN"},
    {"reset", LAB_CHANCE, BOX(reset), 0, 0, NULL, "right resets are forged to both ends"},
    {"reset-blind", LAB_CHANCE, BOX(reset_blind), 0, 0, NULL, "guessed ones"},
    {"split", LAB_COUNT, BOX(split), 0, 0, NULL, "payload bytes of the largest segment; 0: any"},
    {"coalesce", LAB_COUNT, BOX(coalesce), 0, 60000, NULL,
     "segments in a row become one of up to so many bytes"},
    {"thin", LAB_COUNT, BOX(thin), 0, 0, NULL, "only each n-th of pure ACKs in a row passes at once"},
    {"wait", LAB_TIME, BOX(wait), 0, 0, NULL, "that a segment may be held for these; 2ms"},
    {0},
};
#undef BOX

/* --- Flows --- */

static const char *const signing[] = {"no", "md5", "ao", NULL}; /* enum lab_sign */

const struct lab_word lab_flow_words[] = {
    {"start", LAB_TIME, AT(lab_flow_both, start), 0, 0, NULL, "after the beginning"},
    {"bytes", LAB_SIZE, AT(lab_flow_both, bytes), 0, 0, NULL, "from the client, for each connection"},
    {"reply", LAB_SIZE, AT(lab_flow_both, reply), 0, 0, NULL, "from the server, when it has them all"},
    {"endless", LAB_SWITCH, AT(lab_flow_both, endless), 0, 0, NULL, "the client sends until stop"},
    {"stop", LAB_TIME, AT(lab_flow_both, stop), 0, 0, NULL, "when an endless flow ends"},
    {"duplex", LAB_SWITCH, AT(lab_flow_both, duplex), 0, 0, NULL, "the reply does not wait"},
    {"fast-open", LAB_SWITCH, AT(lab_flow_both, fast_open), 0, 0, NULL,
     "the first bytes go with the SYN (RFC 7413)"},
    {"simultaneous", LAB_SWITCH, AT(lab_flow_both, simultaneous), 0, 0, NULL, "both ends connect at once"},
    {"sign", LAB_CHOICE, AT(lab_flow_both, sign), 0, 0, signing, "segments: RFC 2385, RFC 5925"},
    {"count", LAB_COUNT, AT(lab_flow_both, count), 1, 10000, NULL, "connections"},
    {"every", LAB_TIME, AT(lab_flow_both, every), 0, 0, NULL, "between the beginnings of two"},
    {"backlog", LAB_COUNT, AT(lab_flow_both, backlog), 1, 65535, NULL, "of the listener"},
    {"port", LAB_COUNT, AT(lab_flow_both, port), 1, 65535, NULL, "of the server"},
    {0},
};

static const char *const side_ecn[] = {"host", "accept", "ask", "off",
                                       NULL}; /* the host's, or one more than enum weft_ecn */
static const char *const closes[] = {"fin", "last", "now", "abort", NULL};

const struct lab_word lab_side_words[] = {
    {"write-size", LAB_SIZE, AT(lab_behaviour, write_size), 1, 1 << 18, NULL, "bytes of a call; 64k"},
    {"write-rate", LAB_RATE, AT(lab_behaviour, write_rate), 0, 0, NULL, "it writes no faster"},
    {"read-size", LAB_SIZE, AT(lab_behaviour, read_size), 1, 1 << 18, NULL, "bytes of a call; 64k"},
    {"read-rate", LAB_RATE, AT(lab_behaviour, read_rate), 0, 0, NULL, "it reads no faster"},
    {"pause-after", LAB_SIZE, AT(lab_behaviour, pause_after), 0, 0, NULL, "bytes read, then it stops for"},
    {"pause", LAB_TIME, AT(lab_behaviour, pause), 0, 0, NULL, "this long"},
    {"abort-after", LAB_TIME, AT(lab_behaviour, abort_after), 0, 0, NULL,
     "it resets so long after the start"},
    {"borrow", LAB_SWITCH, AT(lab_behaviour, borrow), 0, 0, NULL, "reads without copying"},
    {"lend", LAB_SWITCH, AT(lab_behaviour, lend), 0, 0, NULL, "writes without copying"},
    {"close", LAB_CHOICE, AT(lab_behaviour, close), 0, 0, closes, "when and how"},
    {"nodelay", LAB_SWITCH, AT(lab_behaviour, nodelay), 0, 0, NULL, "no Nagle"},
    {"cork", LAB_SWITCH, AT(lab_behaviour, cork), 0, 0, NULL, "full segments only, while it writes"},
    {"quickack", LAB_SWITCH, AT(lab_behaviour, quickack), 0, 0, NULL, "acknowledges at once"},
    {"keepalive", LAB_SWITCH, AT(lab_behaviour, keepalive), 0, 0, NULL, "probes a silent peer"},
    {"keepalive-idle", LAB_TIME, AT(lab_behaviour, keepalive_idle), 0, 0, NULL, "before the first probe"},
    {"keepalive-interval", LAB_TIME, AT(lab_behaviour, keepalive_interval), 0, 0, NULL, "between probes"},
    {"user-timeout", LAB_TIME, AT(lab_behaviour, user_timeout), 0, 0, NULL, "RFC 5482"},
    {"uto", LAB_SWITCH, AT(lab_behaviour, uto), 0, 0, NULL, "tells the peer its timeout, and listens to it"},
    {"keepalive-probes", LAB_COUNT, AT(lab_behaviour, keepalive_probes), 1, 127, NULL,
     "before the peer is given up"},
    {"uto-advertised", LAB_TIME, AT(lab_behaviour, uto_advertised), 0, 0, NULL, "what uto tells the peer"},
    {"pacing", LAB_SWITCH, AT(lab_behaviour, pacing), 0, 0, NULL, "even where the host does without"},
    {"max-pacing-rate", LAB_RATE, AT(lab_behaviour, max_pacing_rate), 0, 0, NULL, "of payload"},
    {"notsent-lowat", LAB_SIZE, AT(lab_behaviour, notsent_lowat), 0, 1 << 30, NULL,
     "bytes that wait, from which it writes no more"},
    {"ttl", LAB_COUNT, AT(lab_behaviour, ttl), 1, 255, NULL, "of its packets"},
    {"tos", LAB_COUNT, AT(lab_behaviour, tos), 0, 255, NULL, "of its packets"},
    {"ecn", LAB_CHOICE, AT(lab_behaviour, ecn), 0, 0, side_ecn, "RFC 3168"},
    {"fast-open-no-cookie", LAB_SWITCH, AT(lab_behaviour, fast_open_no_cookie), 0, 0, NULL,
     "RFC 7413 5: data without, both ways"},
    {"sndbuf", LAB_SIZE, AT(lab_behaviour, send_buffer), 4096, 1 << 30, NULL, "bytes"},
    {"rcvbuf", LAB_SIZE, AT(lab_behaviour, receive_buffer), 4096, 1 << 30, NULL, "bytes"},
    {"maxseg", LAB_COUNT, AT(lab_behaviour, maxseg), 88, 65495, NULL, "bytes of a segment"},
    {0},
};

/* --- Metrics --- */

static const struct {
    const char *name;
    bool is_of_link;
} metrics[LAB_METRIC_COUNT] = {
    [LAB_METRIC_FINISH] = {"finish", false},     [LAB_METRIC_GOODPUT] = {"goodput", false},
    [LAB_METRIC_RTT] = {"rtt", false},           [LAB_METRIC_RETRANSMITTED] = {"retransmitted", false},
    [LAB_METRIC_TIMEOUTS] = {"timeouts", false}, [LAB_METRIC_FAILED] = {"failed", false},
    [LAB_METRIC_FAIRNESS] = {"fairness", false}, [LAB_METRIC_DROPPED] = {"dropped", true},
    [LAB_METRIC_LOST] = {"lost", true},          [LAB_METRIC_MARKED] = {"marked", true},
    [LAB_METRIC_QUEUE] = {"queue", true},
};

const char *lab_metric_name(enum lab_metric metric)
{
    return metrics[metric].name;
}

bool lab_metric_is_of_link(enum lab_metric metric)
{
    return metrics[metric].is_of_link;
}
