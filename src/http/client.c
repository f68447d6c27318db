/* SPDX-License-Identifier: MIT */
/*
 * The client: calls under way, and connections that are kept between them.
 *
 * Owns    both sets.
 * Never   reads what comes on an idle connection: it belongs to no request, and
 *         the connection is closed (RFC 9112 9.2).
 */
#include "http/client.h"

#include <stdlib.h>
#include <string.h>

/* --- Idle connections --- */

static void forget(struct http_idle *idle)
{
    TAILQ_REMOVE(&idle->client->idles, idle, link);
    idle->client->nidle--;
    weft_timer_cancel(idle->client->stack, &idle->timer);
    free(idle);
}

static void drop(struct http_idle *idle)
{
    weft_sock_close(idle->sock);
    forget(idle);
}

static void idle_ready(struct weft_handler *handler, struct weft_sock *sock, unsigned events, weft_time now)
{
    (void)sock;
    (void)now;
    if (events & (WEFT_READABLE | WEFT_PEER_CLOSED | WEFT_FAILED))
        drop((struct http_idle *)handler);
}

static void idle_expired(struct weft_timer *timer, weft_time now)
{
    (void)now;
    drop(timer->user);
}

static bool is_same(const struct weft_endpoint *a, const struct weft_endpoint *b)
{
    return a->port == b->port && weft_addr_eq(&a->addr, &b->addr);
}

struct weft_sock *http_client_take(struct weft_http_client *client, const struct weft_endpoint *server)
{
    struct http_idle *idle;

    /* The one that was used last is the one that the server will close last. */
    TAILQ_FOREACH_REVERSE(idle, &client->idles, http_idles, link)
    if (is_same(&idle->server, server)) {
        struct weft_sock *sock = idle->sock;

        forget(idle);
        return sock;
    }
    return NULL;
}

void http_client_keep(struct weft_http_client *client, struct weft_sock *sock,
                      const struct weft_endpoint *server)
{
    struct http_idle *idle = client->config.max_idle ? calloc(1, sizeof(*idle)) : NULL;

    if (!idle) {
        weft_sock_close(sock);
        return;
    }
    if (client->nidle == client->config.max_idle)
        drop(TAILQ_FIRST(&client->idles));
    idle->handler.ready = idle_ready;
    idle->timer.fired = idle_expired;
    idle->timer.user = idle;
    idle->client = client;
    idle->sock = sock;
    idle->server = *server;
    TAILQ_INSERT_TAIL(&client->idles, idle, link);
    client->nidle++;
    weft_sock_set_handler(sock, &idle->handler);
    weft_timer_set(client->stack, &idle->timer, weft_stack_now(client->stack) + client->config.idle_timeout);
}

/* --- Life --- */

static void fill_config(struct weft_http_client_config *config)
{
    bool has_limit = config->limits.body != 0;

    http_head_limits(&config->limits);
    if (!has_limit)
        config->limits.body = UINT64_MAX;
    if (!config->connect_timeout)
        config->connect_timeout = 30 * WEFT_SEC;
    if (!config->head_timeout)
        config->head_timeout = 60 * WEFT_SEC;
    if (!config->body_timeout)
        config->body_timeout = 60 * WEFT_SEC;
    if (!config->write_timeout)
        config->write_timeout = 60 * WEFT_SEC;
    if (!config->continue_timeout)
        config->continue_timeout = WEFT_SEC;
    if (!config->max_idle)
        config->max_idle = 8;
    if (!config->idle_timeout)
        config->idle_timeout = 10 * WEFT_SEC;
}

int weft_http_client_new(struct weft_stack *stack, const struct weft_http_client_config *config,
                         struct weft_http_client **out)
{
    const char *agent = config->user_agent ? config->user_agent : "weft";
    struct weft_http_client *client;

    if (strlen(agent) >= sizeof(client->user_agent) || !http_text_is_value(agent))
        return WEFT_E_INVAL;
    client = calloc(1, sizeof(*client));
    if (!client)
        return WEFT_E_NOMEM;
    client->stack = stack;
    client->config = *config;
    fill_config(&client->config);
    strcpy(client->user_agent, agent);
    TAILQ_INIT(&client->idles);
    TAILQ_INIT(&client->calls);
    *out = client;
    return 0;
}

void weft_http_client_free(struct weft_http_client *client)
{
    if (!client)
        return;
    client->is_closing = true;
    while (!TAILQ_EMPTY(&client->calls))
        http_call_end(TAILQ_FIRST(&client->calls), WEFT_E_CONNABORTED, "the client was closed");
    for (struct http_idle *idle = TAILQ_FIRST(&client->idles), *next; idle; idle = next) {
        next = TAILQ_NEXT(idle, link);
        drop(idle);
    }
    free(client);
}
