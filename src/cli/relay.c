/* SPDX-License-Identifier: MIT */
/*
 * Two sockets, two buffers, poll(2).
 */
#include "cli/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CONNECTIONS 64 /* ours: a browser opens six */
#define BUFFER_BYTES    65536

/* One direction: what was read from one socket and not yet written to the other. */
struct flow {
    int from, to;
    char data[BUFFER_BYTES];
    size_t begin, end;
    bool ended; /* `from` has said its last, and `to` has been told */
};

static void fill(struct flow *flow)
{
    ssize_t n = read(flow->from, flow->data, sizeof(flow->data));

    flow->begin = 0;
    flow->end = n > 0 ? (size_t)n : 0;
    if (n == 0 || (n < 0 && errno != EINTR)) {
        flow->ended = true;
        shutdown(flow->to, SHUT_WR);
    }
}

static void drain(struct flow *flow)
{
    ssize_t n = send(flow->to, flow->data + flow->begin, flow->end - flow->begin, MSG_NOSIGNAL);

    if (n > 0)
        flow->begin += (size_t)n;
    else if (errno != EINTR)
        flow->begin = flow->end = 0, flow->ended = true;
}

/* Carries bytes until both directions have ended. A direction is either read or written, never both. */
static void carry(int a, int b)
{
    static struct flow flows[2];

    flows[0].from = flows[1].to = a;
    flows[0].to = flows[1].from = b;
    while (!flows[0].ended || !flows[1].ended) {
        struct pollfd fds[2];

        for (unsigned i = 0; i < 2; i++) {
            bool has_data = flows[i].begin < flows[i].end;

            fds[i] = (struct pollfd){has_data ? flows[i].to : flows[i].from, has_data ? POLLOUT : POLLIN, 0};
            if (flows[i].ended)
                fds[i].fd = -1;
        }
        if (poll(fds, 2, -1) < 0)
            continue;
        for (unsigned i = 0; i < 2; i++) {
            if (fds[i].revents && flows[i].begin < flows[i].end)
                drain(&flows[i]);
            else if (fds[i].revents)
                fill(&flows[i]);
        }
    }
}

static void serve_one(int client, const struct sockaddr_in *target)
{
    int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (server >= 0 && connect(server, (const struct sockaddr *)target, sizeof(*target)) == 0)
        carry(client, server);
    _exit(0);
}

static void accept_for_ever(int listener, const struct sockaddr_in *target)
{
    unsigned children = 0;

    for (;;) {
        int client = accept(listener, NULL, NULL);

        while (children > 0 && waitpid(-1, NULL, children < MAX_CONNECTIONS ? WNOHANG : 0) > 0)
            children--;
        if (client < 0)
            continue;
        switch (fork()) {
        case 0:
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(listener);
            serve_one(client, target);
            break;
        case -1:
            break;
        default:
            children++;
        }
        close(client);
    }
}

int relay_listen(uint16_t *port)
{
    struct sockaddr_in addr = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    const int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0) {
        addr.sin_port = 0;
        if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0)
            goto fail;
    }
    if (listen(fd, 64) != 0 || getsockname(fd, (struct sockaddr *)&addr, &len) != 0)
        goto fail;
    *port = ntohs(addr.sin_port);
    return fd;
fail:
    close(fd);
    return -1;
}

pid_t relay_start(int listener, const struct weft_endpoint *target)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(target->port),
        .sin_addr.s_addr = htonl(weft_addr_u32(&target->addr)),
    };
    pid_t parent = getpid();
    pid_t pid;

    prctl(PR_SET_CHILD_SUBREAPER, 1); /* its children become ours when it is gone */
    pid = fork();
    if (pid == 0) {
        setpgid(0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent)
            _exit(0);
        accept_for_ever(listener, &to);
    }
    close(listener);
    if (pid > 0)
        setpgid(pid, pid); /* here too: whoever of the two comes first */
    return pid;
}

void relay_stop(pid_t relay)
{
    kill(-relay, SIGKILL);
    while (waitpid(-relay, NULL, 0) > 0)
        ;
}
