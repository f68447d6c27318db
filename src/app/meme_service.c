/* SPDX-License-Identifier: MIT */
/*
 * The life of POST /meme:
 *
 *     handle -> receiving -> waiting for the worker, worked on -> answered -> gone
 *                  |                      |
 *                  +-- refused            +-- connection lost: the picture is thrown away
 *
 * A job is freed when its request is over and the worker does not have it.
 */
#include "app/meme_service.h"

#include "app/meme_page.h"
#include "app/meme_render.h"
#include "app/meme_sample.h"
#include "app/worker.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define FIRST_ROOM 65536 /* bytes for a body at first; doubled as it grows */

/* Something that is in memory for as long as the service. */
struct resource {
    struct weft_http_entity entity;
    const uint8_t *data;
    char etag[24];
};

struct meme_service {
    struct meme_service_config config;
    struct weft_http_route route;
    struct worker *worker;
    struct resource page, sample;
    uint8_t *sample_jpeg;
    size_t held_bytes;
    unsigned waiting;
};

struct job {
    struct worker_job work;
    struct meme_service *service;
    struct weft_http_req *req; /* NULL: over */
    struct weft_stack *stack;
    struct weft_timer timer; /* set while the body is being received */
    bool is_with_worker;
    bool is_answered;
    uint8_t *body;
    size_t body_bytes, body_room;
    bool ok; /* what the worker made: a picture, or an error */
    uint8_t *jpeg;
    size_t jpeg_bytes;
    struct meme_error err;
};

/* --- Answers ---------------------------------------------------------------------------- */

/* `allow` is the value of the Allow field that a 405 has (RFC 9110 15.5.6); else NULL. */
static void answer_error_allow(struct weft_http_req *req, const struct meme_error *err, const char *allow)
{
    size_t len = 0;
    char *json = meme_error_json(err, &len);

    weft_http_answer(req, (unsigned)err->status);
    weft_http_answer_field(req, "Content-Type", "application/json");
    if (allow)
        weft_http_answer_field(req, "Allow", allow);
    if (err->status == 503)
        weft_http_answer_field(req, "Retry-After", "2");
    weft_http_answer_bytes(req, json, len);
    free(json);
}

static void answer_error(struct weft_http_req *req, const struct meme_error *err)
{
    answer_error_allow(req, err, NULL);
}

/* An error that the service has found itself, beside those of meme_error.h. */
static struct meme_error refusal(int status, const char *code, const char *format, ...)
{
    struct meme_error err = {.status = status, .code = code};
    va_list args;

    va_start(args, format);
    vsnprintf(err.message, sizeof(err.message), format, args);
    va_end(args);
    return err;
}

static void answer_too_large(struct weft_http_req *req, size_t limit)
{
    struct meme_error err;

    meme_fail(&err, MEME_BODY_TOO_LARGE, "the request is larger than %zu bytes", limit);
    answer_error(req, &err);
}

static void answer_busy(struct weft_http_req *req, const char *what)
{
    struct meme_error err = refusal(503, "busy", "%s; try again in a moment", what);

    answer_error(req, &err);
}

/* --- One request --------------------------------------------------------------------------- */

/* How long the answer takes is the client's business: what others wait for is given back before it. */
static void release_body(struct job *job)
{
    weft_timer_cancel(job->stack, &job->timer);
    job->service->held_bytes -= job->body_room;
    free(job->body);
    job->body = NULL;
    job->body_bytes = job->body_room = 0;
}

static void free_job(struct job *job)
{
    release_body(job);
    free(job->jpeg);
    free(job);
}

static void make_picture(struct worker_job *work)
{
    struct job *job = (struct job *)work;

    job->ok = meme_render(job->body, job->body_bytes, &job->service->config.options, &job->jpeg,
                          &job->jpeg_bytes, &job->err);
}

/* The picture on its way out: lent, since it is large, and freed when the peer has it. */
struct picture {
    struct weft_block block; /* first */
    uint8_t *jpeg;
};

static void free_picture(struct weft_block *block)
{
    free(((struct picture *)block)->jpeg);
    free(block);
}

static void answer_picture(struct weft_http_req *req, struct job *job)
{
    struct picture *picture = job->jpeg_bytes <= UINT32_MAX ? malloc(sizeof(*picture)) : NULL;
    uint32_t len = (uint32_t)job->jpeg_bytes;

    if (!picture) {
        answer_busy(req, "no memory is left");
        return;
    }
    picture->jpeg = job->jpeg;
    picture->block =
        (struct weft_block){.refs = 1, .size = len, .data = picture->jpeg, .release = free_picture};
    job->jpeg = NULL;
    weft_http_answer(req, 200);
    weft_http_answer_field(req, "Content-Type", "image/jpeg");
    weft_http_answer_field(req, "Cache-Control", "no-store");
    weft_http_answer_block(req, &picture->block, 0, len); /* the job may be gone now */
    weft_block_unref(&picture->block);
}

static void picture_made(struct worker_job *work, bool was_run)
{
    struct job *job = (struct job *)work;

    job->service->waiting--;
    job->is_with_worker = false;
    release_body(job);
    if (!job->req) {
        free_job(job);
        return;
    }
    if (!was_run) {
        answer_busy(job->req, "the service is being stopped");
    } else if (!job->ok) {
        answer_error(job->req, &job->err);
    } else {
        answer_picture(job->req, job);
    }
}

/* The whole body is there. */
static void submit(struct job *job)
{
    struct meme_service *service = job->service;

    job->is_answered = true; /* by whatever comes now */
    weft_timer_cancel(job->stack, &job->timer);
    if (service->waiting >= service->config.max_waiting) {
        release_body(job);
        answer_busy(job->req, "too many pictures are being made");
        return;
    }
    service->waiting++;
    job->is_with_worker = true;
    worker_submit(service->worker, &job->work);
}

/* Room for at least one byte more. On failure the request has been answered. */
static bool make_room(struct job *job)
{
    struct meme_service *service = job->service;
    size_t most = service->config.options.limits.max_body_bytes + 1; /* one more shows that it is too large */
    size_t room = job->body_room ? 2 * job->body_room : FIRST_ROOM;
    uint8_t *body;

    if (room > most)
        room = most;
    if (service->held_bytes + (room - job->body_room) > service->config.max_held_bytes) {
        answer_busy(job->req, "too many requests are being received");
        return false;
    }
    body = realloc(job->body, room);
    if (!body) {
        answer_busy(job->req, "no memory is left");
        return false;
    }
    service->held_bytes += room - job->body_room;
    job->body = body;
    job->body_room = room;
    return true;
}

static void receive(struct weft_http_req *req, void *user)
{
    struct job *job = user;
    size_t limit = job->service->config.options.limits.max_body_bytes;
    ptrdiff_t got;

    while (!job->is_answered) {
        if (job->body_bytes == job->body_room && !make_room(job)) {
            job->is_answered = true;
            release_body(job);
            return;
        }
        got = weft_http_req_read(req, job->body + job->body_bytes, job->body_room - job->body_bytes);
        if (got < 0)
            return; /* nothing yet; or it is cut short, and the server says so */
        job->body_bytes += (size_t)got;
        if (job->body_bytes > limit) {
            job->is_answered = true;
            release_body(job);
            answer_too_large(req, limit);
        } else if (got == 0) {
            submit(job);
        }
    }
}

/* A client that only just keeps the connection alive must not hold memory that others wait for. */
static void too_slow(struct weft_timer *timer, weft_time now)
{
    struct job *job = timer->user;
    struct meme_error err = refusal(408, "too_slow", "the request did not come within %u seconds",
                                    (unsigned)(job->service->config.max_receive / WEFT_SEC));

    (void)now;
    job->is_answered = true;
    release_body(job);
    answer_error(job->req, &err); /* the job may be gone now */
}

static void request_over(struct weft_http_req *req, void *user, int error)
{
    struct job *job = user;

    (void)req, (void)error;
    job->req = NULL;
    if (!job->is_with_worker)
        free_job(job);
}

static bool is_json(const char *type)
{
    static const char json[] = "application/json";
    size_t len = sizeof(json) - 1;

    return type && strncasecmp(type, json, len) == 0 && (!type[len] || strchr("; \t", type[len]));
}

static void post_meme(struct weft_http_req *req, struct meme_service *service)
{
    static const struct weft_http_watch watch = {.readable = receive, .done = request_over};
    const char *type = weft_http_req_header(req, "Content-Type");
    size_t limit = service->config.options.limits.max_body_bytes;
    struct meme_error err;
    struct job *job;

    if (!is_json(type)) {
        err = refusal(415, "unsupported_media_type",
                      "the body must be application/json, and Content-Type say so");
        answer_error(req, &err);
        return;
    }
    if (weft_http_req_body_length(req) > 0 && (uint64_t)weft_http_req_body_length(req) > limit) {
        answer_too_large(req, limit);
        return;
    }
    job = calloc(1, sizeof(*job));
    if (!job) {
        answer_busy(req, "no memory is left");
        return;
    }
    job->work = (struct worker_job){.run = make_picture, .done = picture_made};
    job->service = service;
    job->req = req;
    job->stack = weft_http_req_stack(req);
    job->timer = (struct weft_timer){.fired = too_slow, .user = job};
    weft_timer_set(job->stack, &job->timer, weft_stack_now(job->stack) + service->config.max_receive);
    weft_http_req_watch(req, &watch, job);
    receive(req, job);
}

/* --- What is always the same --------------------------------------------------------------- */

static ptrdiff_t read_resource(struct weft_http_entity *entity, uint64_t off, void *buf, size_t len)
{
    const struct resource *resource = (const struct resource *)entity;
    size_t left = (size_t)(entity->length - off);

    if (len > left)
        len = left;
    memcpy(buf, resource->data + off, len);
    return (ptrdiff_t)len;
}

/* The entity tag is FNV-1a of the bytes: it changes when they do, which is all it is for. */
static void init_resource(struct resource *resource, const uint8_t *data, size_t len, const char *type)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * 0x100000001b3u;
    snprintf(resource->etag, sizeof(resource->etag), "\"%016llx\"", (unsigned long long)hash);
    resource->data = data;
    resource->entity = (struct weft_http_entity){
        .etag = resource->etag,
        .modified = WEFT_HTTP_NO_DATE,
        .length = len,
        .type = type,
        .read_at = read_resource,
    };
}

static void get_page(struct weft_http_req *req, struct meme_service *service)
{
    weft_http_answer(req, 200);
    weft_http_answer_field(req, "Content-Security-Policy",
                           "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
                           "connect-src 'self'; img-src 'self' blob: data:");
    weft_http_answer_field(req, "X-Content-Type-Options", "nosniff");
    weft_http_answer_entity(req, &service->page.entity);
}

static void get_sample(struct weft_http_req *req, struct meme_service *service)
{
    weft_http_answer_entity(req, &service->sample.entity);
}

/* --- Routes ------------------------------------------------------------------------------------ */

static const struct {
    const char *path;
    const char *allow;
    void (*get)(struct weft_http_req *req, struct meme_service *service); /* and HEAD */
    void (*post)(struct weft_http_req *req, struct meme_service *service);
} resources[] = {
    {"/", "GET, HEAD, OPTIONS", get_page, NULL},
    {"/meme", "POST, OPTIONS", NULL, post_meme},
    {"/sample.jpg", "GET, HEAD, OPTIONS", get_sample, NULL},
};
#define RESOURCES (sizeof(resources) / sizeof(resources[0]))

static void answer_wrong_method(struct weft_http_req *req, const char *path, const char *allow)
{
    struct meme_error err = refusal(405, "method_not_allowed", "%s is not possible here; %s has %s",
                                    weft_http_req_method_name(req), path, allow);

    answer_error_allow(req, &err, allow);
}

static void answer_resource(struct weft_http_req *req, struct meme_service *service, unsigned which)
{
    enum weft_http_method method = weft_http_req_method(req);

    if ((method == WEFT_HTTP_GET || method == WEFT_HTTP_HEAD) && resources[which].get) {
        resources[which].get(req, service);
    } else if (method == WEFT_HTTP_POST && resources[which].post) {
        resources[which].post(req, service);
    } else if (method == WEFT_HTTP_OPTIONS) {
        weft_http_answer(req, 204);
        weft_http_answer_field(req, "Allow", resources[which].allow);
        weft_http_answer_bytes(req, NULL, 0);
    } else {
        answer_wrong_method(req, resources[which].path, resources[which].allow);
    }
}

static void handle(struct weft_http_req *req, void *user)
{
    const char *path = weft_http_req_path(req);
    struct meme_error err;

    for (unsigned i = 0; i < RESOURCES; i++) {
        if (strcmp(path, resources[i].path) == 0) {
            answer_resource(req, user, i);
            return;
        }
    }
    err = refusal(404, "not_found", "there is nothing here; there are GET /, POST /meme and GET /sample.jpg");
    answer_error(req, &err);
}

/* --- Life ------------------------------------------------------------------------------------------ */

struct meme_service_config meme_service_config_default(void)
{
    return (struct meme_service_config){
        .options = meme_options_default(),
        .max_held_bytes = 128u << 20,
        .max_receive = 120 * WEFT_SEC,
        .max_waiting = 64,
    };
}

int meme_service_new(struct weft_loop *loop, const struct meme_service_config *config,
                     struct meme_service **service)
{
    struct meme_service *s = calloc(1, sizeof(*s));
    size_t sample_bytes;
    struct meme_error err;
    int status = WEFT_E_NOMEM;

    if (!s)
        return WEFT_E_NOMEM;
    s->config = *config;
    /* All methods come to us, and bodies of any size: what is refused gets our own words. */
    s->route = (struct weft_http_route){
        .path = "/",
        .methods = "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH",
        .handle = handle,
        .user = s,
        .max_body = UINT64_MAX,
    };
    if (!meme_sample(&s->sample_jpeg, &sample_bytes, &err))
        goto free_service;
    init_resource(&s->page, meme_page, meme_page_bytes, "text/html; charset=utf-8");
    init_resource(&s->sample, s->sample_jpeg, sample_bytes, "image/jpeg");
    status = worker_new(loop, &s->worker);
    if (status)
        goto free_service;
    *service = s;
    return 0;
free_service:
    free(s->sample_jpeg);
    free(s);
    return status;
}

const struct weft_http_route *meme_service_route(const struct meme_service *service)
{
    return &service->route;
}

void meme_service_free(struct meme_service *service)
{
    if (!service)
        return;
    worker_free(service->worker);
    free(service->sample_jpeg);
    free(service);
}
