/* SPDX-License-Identifier: MIT */
/*
 * weft ping: ICMP echo to a host, printed as ping(8) prints it.
 *
 * Owns    when requests go out, which replies belong to them, and the sums.
 *         A request that was not answered `timeout` after it was sent is lost.
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HEADERS  28    /* IPv4's without options, and ICMP's */
#define MAX_SIZE 65507 /* an IPv4 packet of 65535 less both headers */
#define MEMORY   1024  /* how many requests back a reply is still known; a power of two */

struct options {
    uint64_t count; /* 0: until interrupted */
    weft_time interval;
    uint64_t size;
    weft_time timeout;
    uint64_t ttl;
    bool quiet;
};

/* One request that was sent, kept in sent[seq % MEMORY]. */
struct request {
    weft_time when;
    uint16_t seq;
    bool used, answered;
};

struct ping {
    struct weft_handler handler;
    struct weft_timer next; /* the next request; after the last one the end of waiting */
    const struct options *options;
    struct cli_net *net;
    struct weft_sock *sock;
    struct weft_addr host;
    char host_text[WEFT_ADDR_STRLEN];
    uint64_t tried, unsent; /* requests made, and of these those that could not be sent */
    uint64_t received, duplicates, errors;
    double min, max, sum, square_sum; /* round trips, milliseconds */
    weft_time begun;
    struct request request[MEMORY];
    uint8_t data[MAX_SIZE];
};

/* --- Replies ------------------------------------------------------------------------ */

static void add_round_trip(struct ping *ping, double ms)
{
    if (ping->received == 0 || ms < ping->min)
        ping->min = ms;
    if (ping->received == 0 || ms > ping->max)
        ping->max = ms;
    ping->sum += ms;
    ping->square_sum += ms * ms;
    ping->received++;
}

static void print_reply(struct ping *ping, const struct weft_datagram *from, ptrdiff_t len)
{
    struct request *request = &ping->request[from->peer.port % MEMORY];
    bool known = request->used && request->seq == from->peer.port;
    bool duplicate = known && request->answered;
    double ms = known ? (double)(from->when - request->when) / 1000.0 : 0;
    char text[WEFT_ADDR_STRLEN];

    if (!known || weft_addr_eq(&from->peer.addr, &ping->host) == false)
        return; /* older than we remember, or from another host: not an answer of ours */
    request->answered = true;
    if (duplicate)
        ping->duplicates++;
    else
        add_round_trip(ping, ms);
    if (!ping->options->quiet)
        printf("%td bytes from %s: icmp_seq=%u ttl=%u time=%.3f ms%s\n", len,
               weft_addr_format(&from->peer.addr, text), from->peer.port, from->ttl, ms,
               duplicate ? " (DUP!)" : "");
}

/* The texts of RFC 792 and RFC 1122 3.2.2.1, as ping(8) has them. */
static const char *icmp_error_text(uint16_t icmp)
{
    static const struct {
        uint16_t icmp;
        const char *text;
    } texts[] = {
        {0x0300, "Destination Net Unreachable"},
        {0x0301, "Destination Host Unreachable"},
        {0x0302, "Destination Protocol Unreachable"},
        {0x0303, "Destination Port Unreachable"},
        {0x0304, "Frag needed and DF set"},
        {0x0305, "Source Route Failed"},
        {0x0309, "Destination Net Prohibited"},
        {0x030a, "Destination Host Prohibited"},
        {0x030d, "Packet filtered"},
        {0x0b00, "Time to live exceeded"},
        {0x0b01, "Frag reassembly time exceeded"},
        {0x0c00, "Parameter problem"},
    };

    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].icmp == icmp)
            return texts[i].text;
    return NULL;
}

static void print_error(struct ping *ping, const struct weft_datagram *from)
{
    const char *text = icmp_error_text(from->icmp);
    char addr[WEFT_ADDR_STRLEN];

    ping->errors++;
    if (ping->options->quiet)
        return;
    printf("From %s icmp_seq=%u ", weft_addr_format(&from->peer.addr, addr), from->peer.port);
    if (text)
        printf("%s\n", text);
    else
        printf("%s (ICMP type %d code %d)\n", weft_strerror(from->error), from->icmp >> 8, from->icmp & 255);
}

static bool is_done(const struct ping *ping)
{
    return ping->options->count > 0 && ping->tried == ping->options->count &&
           ping->received + ping->errors + ping->unsent >= ping->options->count;
}

static void receive(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    struct ping *ping = (struct ping *)handler;
    uint8_t data[64];
    struct weft_datagram from;
    ptrdiff_t len;

    (void)events, (void)now;
    while ((len = weft_sock_recvfrom(sock, data, sizeof(data), &from)) >= 0) {
        if (from.error)
            print_error(ping, &from);
        else
            print_reply(ping, &from, len + 8); /* as ping(8): with the ICMP header */
    }
    fflush(stdout);
    if (is_done(ping))
        weft_loop_stop(ping->net->loop);
}

/* --- Requests ------------------------------------------------------------------------- */

static void send_request(struct ping *ping, weft_time now)
{
    uint16_t seq = (uint16_t)(ping->tried + 1);
    struct weft_datagram to = {.peer = {ping->host, seq}, .ttl = (uint8_t)ping->options->ttl};
    ptrdiff_t result;

    ping->request[seq % MEMORY] = (struct request){.when = now, .seq = seq, .used = true};
    ping->tried++;
    result = weft_sock_sendto(ping->sock, ping->data, ping->options->size, &to);
    if (result >= 0)
        return;
    ping->unsent++;
    if (!ping->options->quiet) {
        printf("icmp_seq=%u could not be sent: %s\n", seq, weft_strerror((int)result));
        fflush(stdout);
    }
}

static void timer_fired(struct weft_timer *timer, weft_time now)
{
    struct ping *ping = timer->user;
    const struct options *options = ping->options;

    if (options->count > 0 && ping->tried == options->count) {
        weft_loop_stop(ping->net->loop); /* the time to wait for the last answers is over */
        return;
    }
    send_request(ping, now);
    if (is_done(ping)) {
        weft_loop_stop(ping->net->loop);
        return;
    }
    weft_timer_set(
        ping->net->stack, timer,
        now + (options->count > 0 && ping->tried == options->count ? options->timeout : options->interval));
}

/* --- The verb ------------------------------------------------------------------------- */

static void print_summary(const struct ping *ping, weft_time now)
{
    uint64_t sent = ping->tried - ping->unsent;
    double mean = ping->received ? ping->sum / (double)ping->received : 0;
    double variance = ping->received ? ping->square_sum / (double)ping->received - mean * mean : 0;

    printf("\n--- %s ping statistics ---\n", ping->host_text);
    printf("%" PRIu64 " packets transmitted, %" PRIu64 " received", sent, ping->received);
    if (ping->duplicates)
        printf(", +%" PRIu64 " duplicates", ping->duplicates);
    if (ping->errors)
        printf(", +%" PRIu64 " errors", ping->errors);
    printf(", %.3g%% packet loss, time %" PRIu64 "ms\n",
           sent ? 100.0 * (double)(sent - ping->received) / (double)sent : 0,
           (now - ping->begun) / WEFT_MSEC);
    if (ping->received)
        printf("rtt min/avg/max/mdev = %.3f/%.3f/%.3f/%.3f ms\n", ping->min, mean, ping->max,
               variance > 0 ? sqrt(variance) : 0);
}

/* What can never be pinged is refused before a device is made for it. */
static int read_host(const struct cli *cli, struct ping *ping, const char *host)
{
    const struct weft_prefix *link = &cli->link.addr;
    const char *flaw;

    if (weft_addr_parse(host, &ping->host) != 0)
        return cli_wrong(cli, "'%s' is not an address; names cannot be looked up yet, give it as 10.77.0.1",
                         host);
    flaw = cli_addr_flaw(&ping->host);
    if (!flaw && cli_prefix_has(link, &ping->host))
        flaw = cli_prefix_flaw(&(struct weft_prefix){ping->host, link->len});
    return flaw ? cli_wrong(cli, "%s cannot be pinged: it is %s", host, flaw) : CLI_OK;
}

/* Requests go out in one packet each, which the link must have room for. */
static int check_size(const struct cli *cli, const struct ping *ping)
{
    uint32_t mtu = ping->net->link->mtu;

    if (ping->options->size + HEADERS <= mtu || weft_addr_u32(&ping->host) >> 24 == 127 ||
        weft_addr_eq(&ping->host, &cli->link.addr.addr)) /* what stays here does not see the link */
        return CLI_OK;
    return cli_failed(
        cli, "--size: %" PRIu64 " bytes do not fit: %s has an MTU of %" PRIu32 ", which leaves %" PRIu32,
        ping->options->size, cli->link.device, mtu, mtu - HEADERS);
}

static int begin(struct cli *cli, struct ping *ping, const char *host)
{
    int err, status = read_host(cli, ping, host);

    if (status == CLI_OK)
        status = cli_net_open(cli, NULL, ping->net);
    if (status == CLI_OK)
        status = check_size(cli, ping);
    if (status != CLI_OK)
        return status;
    err = weft_sock_open(ping->net->stack, WEFT_SOCK_PING, &ping->sock);
    if (err)
        return cli_failed(cli, "no socket: %s", weft_strerror(err));
    weft_sock_set_handler(ping->sock, &ping->handler);
    weft_addr_format(&ping->host, ping->host_text);
    for (unsigned i = 0; i < MAX_SIZE; i++)
        ping->data[i] = (uint8_t)i;
    printf("PING %s %" PRIu64 "(%" PRIu64 ") bytes of data.\n", ping->host_text, ping->options->size,
           ping->options->size + HEADERS);
    ping->begun = weft_clock_now();
    ping->next = (struct weft_timer){.fired = timer_fired, .user = ping};
    weft_timer_set(ping->net->stack, &ping->next, ping->begun);
    return CLI_OK;
}

static int run(struct cli *cli, const void *own, unsigned operands, char **operand)
{
    struct cli_net net = {0};
    struct ping *ping = calloc(1, sizeof(*ping));
    int status;

    (void)operands;
    if (!ping)
        return cli_failed(cli, "no memory");
    ping->options = own;
    ping->net = &net;
    ping->handler.ready = receive;
    status = begin(cli, ping, operand[0]);
    if (status == CLI_OK)
        status = cli_net_run(cli, &net);
    if (status == CLI_OK) {
        print_summary(ping, weft_clock_now());
        status = ping->received ? CLI_OK : CLI_FAILED;
    }
    if (ping->sock)
        weft_sock_close(ping->sock);
    cli_net_close(cli, &net);
    free(ping);
    return status;
}

static const struct options defaults = {
    .interval = WEFT_SEC,
    .size = 56,
    .timeout = 4 * WEFT_SEC,
    .ttl = 64,
};

static const struct cli_option options[] = {
    {"count", 'c', CLI_NUMBER, "N", "stops after N requests; default: goes on until Ctrl-C",
     offsetof(struct options, count), 1, UINT32_MAX},
    {"interval", 'i', CLI_TIME, "TIME", "from one request to the next; default 1 s",
     offsetof(struct options, interval), 1000, 3600 * WEFT_SEC},
    {"size", 's', CLI_NUMBER, "BYTES", "of data in each request; default 56", offsetof(struct options, size),
     0, MAX_SIZE},
    {"timeout", 'W', CLI_TIME, "TIME", "to wait for answers after the last request; default 4 s",
     offsetof(struct options, timeout), 0, 3600 * WEFT_SEC},
    {"ttl", 't', CLI_NUMBER, "N", "time to live of requests; default 64", offsetof(struct options, ttl), 1,
     255},
    {"quiet", 'q', CLI_SWITCH, NULL, "only the sums", offsetof(struct options, quiet)},
    {0},
};

const struct cli_verb cli_ping = {
    .name = "ping",
    .summary = "ask a host for an echo (ICMP)",
    .operands = "HOST",
    .text = "Sends ICMP echo requests to HOST, an address such as 10.77.0.1, and prints the\n"
            "answers. The exit status is 0 when at least one came.",
    .options = options,
    .min_operands = 1,
    .max_operands = 1,
    .has_link = true,
    .defaults = &defaults,
    .own_size = sizeof(defaults),
    .run = run,
};
