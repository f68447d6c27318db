/* SPDX-License-Identifier: MIT */
/*
 * The link that the options describe, with a stack on it.
 *
 * Owns    the order in which links stand around the device. Seen from the
 *         stack: what is told (--verbose), recorded and captured is what the
 *         stack itself sends and receives; impairment stands behind it, like
 *         a bad wire.
 *
 *             stack <-> tell <-> recording <-> capture <-> impair <-> device
 */
#include "cli/cli.h"

#include <inttypes.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define TRACE_RECORDS 65536 /* far more than one round writes (inspect.h) */
#define IFACE         1     /* the index that a stack's first link gets */

weft_time cli_epoch(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (weft_time)now.tv_sec * WEFT_SEC + (weft_time)now.tv_nsec / 1000 - weft_clock_now();
}

/* --- Told as it happens ------------------------------------------------------------ */

/* The frames stand in the trace, too. */
static void ignore_frame(void *ctx, bool outgoing, const uint8_t *bytes, uint32_t len, weft_time now)
{
    (void)ctx, (void)outgoing, (void)bytes, (void)len, (void)now;
}

static void tell_events(void *ctx, weft_time now)
{
    struct cli_net *net = ctx;
    struct weft_trace_record record;
    char text[WEFT_TRACE_TEXT];
    uint64_t lost = 0;

    (void)now;
    while (weft_trace_read(net->stack, &net->trace_read, &record, 1, &lost) > 0)
        fprintf(stderr, "%4" PRIu64 ".%06u  %s\n", record.time / WEFT_SEC, (unsigned)(record.time % WEFT_SEC),
                weft_trace_text(&record, text));
    if (lost > 0)
        fprintf(stderr, "            (%" PRIu64 " events were overwritten before they could be told)\n",
                lost);
}

/* --- Opening ------------------------------------------------------------------------ */

static int open_loop(const struct cli *cli, const struct cli_net_wishes *wishes, struct cli_net *net)
{
    struct weft_stack_config config = {.trace_records = wishes->trace_records};
    int err;

    cli_tcp_config(&cli->tcp, &config.tcp);
    if (config.trace_records == 0 && (cli->link.verbose || wishes->recording))
        config.trace_records = TRACE_RECORDS;
    if (cli->link.has_seed) {
        memcpy(config.seed, &cli->link.seed, sizeof(cli->link.seed));
        config.seed[sizeof(config.seed) - 1] = 1; /* all zero would mean: take one from the kernel */
    }
    err = weft_loop_new(&config, &net->loop);
    if (err)
        return cli_failed(cli, "the stack could not be made: %s", weft_strerror(err));
    net->stack = weft_loop_stack(net->loop);
    return CLI_OK;
}

static int open_device(const struct cli *cli, struct weft_link **link)
{
    const struct cli_link_options *options = &cli->link;
    struct weft_tap_config config = {
        .name = options->device,
        .offload = !options->no_offload,
        .mtu = (uint32_t)options->mtu,
    };
    char why[300];
    int err;

    if (options->type == WEFT_LINK_ETHERNET)
        err = weft_link_tap(&config, link, why, sizeof(why));
    else
        err = weft_link_tun(&config, link, why, sizeof(why));
    return err ? cli_failed(cli, "--link: %s", why) : CLI_OK;
}

static int open_capture(const struct cli *cli, struct cli_net *net)
{
    char why[300];

    if (!cli->link.pcap ||
        weft_pcapng_create(cli->link.pcap, cli_epoch(), &net->pcapng, why, sizeof(why)) == 0)
        return CLI_OK;
    return cli_failed(cli, "--pcap: %s", why);
}

/* Puts around the device what the options and the verb want. Takes the link. */
static int wrap_link(const struct cli *cli, const struct cli_net_wishes *wishes, struct cli_net *net,
                     struct weft_link **link)
{
    const struct weft_tee_observer tell = {.frame = ignore_frame, .end_round = tell_events, .ctx = net};
    struct weft_impair_config impair = cli->link.impair;
    int err = 0;

    if (cli->link.has_impair) {
        if (impair.seed == 0)
            impair.seed = cli->link.seed;
        err = weft_link_impair(*link, &impair, weft_stack_pool(net->stack), link);
    }
    if (!err && net->pcapng)
        err = weft_pcapng_attach(net->pcapng, *link, IFACE, link);
    if (!err && wishes->recording) {
        weft_recording_set_stack(wishes->recording, net->stack);
        err = weft_recording_attach(wishes->recording, *link, IFACE, link);
    }
    if (!err && cli->link.verbose && !wishes->tells_itself)
        err = weft_link_tee(*link, &tell, link);
    if (!err && wishes->observer)
        err = weft_link_tee(*link, wishes->observer, link);
    return err ? cli_failed(cli, "the link could not be set up: %s", weft_strerror(err)) : CLI_OK;
}

static int set_addresses(const struct cli *cli, const struct cli_net_wishes *wishes, struct cli_net *net)
{
    const struct cli_link_options *options = &cli->link;
    const struct weft_prefix all = {.addr = weft_ip4(0, 0, 0, 0)};
    char text[WEFT_PREFIX_STRLEN];
    int err;

    if (wishes->no_addr && !options->addr_given)
        return CLI_OK;
    err = weft_iface_add_addr(net->stack, net->iface, &options->addr);
    if (err)
        return cli_failed(cli, "--addr: %s cannot be weft's address: %s",
                          weft_prefix_format(&options->addr, text), weft_strerror(err));
    if (weft_addr_is_any(&options->gateway))
        return CLI_OK;
    err = weft_route_add(net->stack, &all, &options->gateway, net->iface, 0);
    if (err)
        return cli_failed(cli, "--gateway: %s cannot be used: %s", weft_addr_format(&options->gateway, text),
                          weft_strerror(err));
    return CLI_OK;
}

/* --- The kernel's end of the device ------------------------------------------------------ */

static bool is_up(const char *device)
{
    struct ifreq request = {0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool up = true; /* when it cannot be asked, nothing is said */

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
    if (fd < 0)
        return up;
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
        up = request.ifr_flags & IFF_UP;
    close(fd);
    return up;
}

static int set_up_host_end(const struct cli *cli)
{
    const struct cli_link_options *options = &cli->link;
    char why[300];

    if (!weft_addr_is_any(&options->host_addr.addr)) {
        if (weft_tap_configure(options->device, &options->host_addr, (uint32_t)options->mtu, why,
                               sizeof(why)) != 0)
            return cli_failed(cli, "--host-addr: %s", why);
    } else if (!is_up(options->device)) {
        cli_note(
            cli,
            "%s is down, so nothing will pass; set up the kernel's end with --host-addr ADDR/LEN, or with\n"
            "  ip address add ADDR/LEN dev %s && ip link set %s up",
            options->device, options->device, options->device);
    }
    return CLI_OK;
}

/* --- Signals -------------------------------------------------------------------------- */

static void interrupted(struct weft_watch *watch, uint32_t events, weft_time now)
{
    struct cli_net *net = watch->user;
    struct signalfd_siginfo info;

    (void)events, (void)now;
    if (read(watch->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        net->interrupted = true;
        weft_loop_stop(net->loop);
    }
}

static int watch_signals(const struct cli *cli, struct cli_net *net)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    net->signals = (struct weft_watch){
        .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK),
        .events = EPOLLIN,
        .ready = interrupted,
        .user = net,
    };
    if (net->signals.fd < 0 || weft_loop_watch(net->loop, &net->signals) != 0)
        return cli_failed(cli, "signals cannot be watched");
    return CLI_OK;
}

/* --- Life -------------------------------------------------------------------------------- */

static int add_link(const struct cli *cli, const struct cli_net_wishes *wishes, struct cli_net *net)
{
    struct weft_link *link;
    int status = open_device(cli, &link);

    if (status == CLI_OK)
        status = wrap_link(cli, wishes, net, &link);
    if (status != CLI_OK)
        return status;
    net->link = link;
    net->iface = weft_loop_add_link(net->loop, link);
    if (net->iface < 0)
        return cli_failed(cli, "the link could not be added: %s", weft_strerror(net->iface));
    return CLI_OK;
}

int cli_net_open(struct cli *cli, const struct cli_net_wishes *wishes, struct cli_net *net)
{
    static const struct cli_net_wishes none;
    int status;

    *net = (struct cli_net){.signals.fd = -1};
    if (!wishes)
        wishes = &none;
    status = open_loop(cli, wishes, net);
    if (status == CLI_OK)
        status = open_capture(cli, net);
    if (status == CLI_OK)
        status = add_link(cli, wishes, net);
    if (status == CLI_OK)
        status = set_up_host_end(cli);
    if (status == CLI_OK)
        status = set_addresses(cli, wishes, net);
    if (status == CLI_OK)
        status = watch_signals(cli, net);
    if (status != CLI_OK)
        cli_net_close(cli, net);
    return status;
}

int cli_net_run(const struct cli *cli, struct cli_net *net)
{
    int err = weft_loop_run(net->loop);

    return err ? cli_failed(cli, "--link: %s broke: %s", cli->link.device, weft_strerror(err)) : CLI_OK;
}

void cli_net_close(const struct cli *cli, struct cli_net *net)
{
    int err = 0;

    if (net->signals.fd > 0) {
        weft_loop_unwatch(net->loop, &net->signals);
        close(net->signals.fd);
    }
    if (net->loop)
        weft_loop_free(net->loop);
    if (net->pcapng)
        err = weft_pcapng_close(net->pcapng);
    if (err)
        cli_note(cli, "--pcap: %s is not complete: %s", cli->link.pcap, weft_strerror(err));
    *net = (struct cli_net){0};
}
