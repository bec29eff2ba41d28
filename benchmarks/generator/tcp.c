/* Loads on connections that stay open: ping-pong, and streams in either direction or in both. */

#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 512
#define WAIT_MS 20 /* the longest sleep, so that the window closes on time on a silent server */

struct connection {
    int fd;
    size_t received, sent;
    uint64_t sent_at, sequence;
};

static struct connection *connections_new(const struct options *options, int epoll, uint32_t events)
{
    struct connection *connections = calloc((size_t)options->connections, sizeof *connections);
    int i;
    if (!connections)
        die("calloc");
    for (i = 0; i < options->connections; i++) {
        connections[i].fd = tcp_connected(options->port);
        set_nonblocking(connections[i].fd);
        epoll_watch(epoll, connections[i].fd, events, (uint32_t)i);
    }
    return connections;
}

static char *buffer_new(size_t size)
{
    char *buffer = malloc(size);
    if (!buffer)
        die("malloc");
    memset(buffer, 'x', size);
    return buffer;
}

static int wait_events(int epoll, struct epoll_event *events)
{
    int n = epoll_wait(epoll, events, EVENTS, WAIT_MS);
    if (n < 0 && errno != EINTR)
        die("epoll_wait");
    return n;
}

static ssize_t checked(ssize_t n, const char *what)
{
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0) {
        if (n == 0)
            errno = ECONNRESET; /* the server left in the middle of the load */
        die(what);
    }
    return n;
}

/* A message is one line or several (the line protocol answers lines).  It begins with a sequence
 * number, which has to come back: an answer that is late or mixed up ends the run. */
static void ask(struct connection *connection, char *message, size_t size)
{
    char number[16];
    snprintf(number, sizeof number, "%010llu", (unsigned long long)++connection->sequence);
    memcpy(message, number, 10);
    connection->received = 0;
    connection->sent_at = now_nanoseconds();
    if (send(connection->fd, message, size, MSG_NOSIGNAL) != (ssize_t)size)
        die("send");
}

static void answered(struct connection *connection, const char *answer)
{
    if (strtoull(answer, NULL, 10) != connection->sequence) {
        errno = EPROTO;
        die("answer");
    }
}

void run_pingpong(const struct options *options)
{
    size_t size = (size_t)options->size, line = size / (size_t)options->lines, i;
    char *message = buffer_new(size), *answer = buffer_new(size + 1);
    struct epoll_event events[EVENTS];
    struct meter meter;
    int epoll = epoll_new(), n, e;
    struct connection *connections = connections_new(options, epoll, EPOLLIN);

    for (i = line; i <= size; i += line)
        message[i - 1] = '\n';
    answer[size] = 0;
    meter_start(&meter, options);
    for (n = 0; n < options->connections; n++)
        ask(&connections[n], message, size);
    while (!meter_turn(&meter)) {
        n = wait_events(epoll, events);
        for (e = 0; e < n; e++) {
            struct connection *c = &connections[events[e].data.u32];
            ssize_t got = checked(recv(c->fd, answer, size, 0), "recv");
            if (c->received == 0 && got >= 10)
                answered(c, answer);
            c->received += (size_t)got;
            if (c->received < size)
                continue;
            meter_latency(&meter, now_nanoseconds() - c->sent_at);
            meter.count++;
            ask(c, message, size);
        }
    }
}

/* MSG_TRUNC on TCP drops what arrived without copying it: the generator stays ahead. */
static ssize_t discard(int fd)
{
    return recv(fd, NULL, 1 << 20, MSG_TRUNC);
}

/* What a stream sends lies in memory that the kernel passes on without copying it, for the same
 * reason. */
static int source_new(size_t size)
{
    int source = memfd_create("stream", MFD_CLOEXEC);
    char *data = buffer_new(size);
    if (source < 0 || write(source, data, size) != (ssize_t)size)
        die("memfd");
    free(data);
    return source;
}

static ssize_t pour(int fd, int source, size_t size)
{
    off_t start = 0;
    return sendfile(fd, source, &start, size);
}

void run_echo_stream(const struct options *options)
{
    size_t window = (size_t)options->window, chunk = (size_t)options->size;
    struct epoll_event events[EVENTS];
    struct meter meter;
    int epoll = epoll_new(), source = source_new(chunk), n, e;
    struct connection *connections = connections_new(options, epoll, EPOLLIN | EPOLLOUT | EPOLLET);

    meter_start(&meter, options);
    while (!meter_turn(&meter)) {
        n = wait_events(epoll, events);
        for (e = 0; e < n; e++) {
            struct connection *c = &connections[events[e].data.u32];
            ssize_t got;
            while (c->received < c->sent && (got = checked(discard(c->fd), "recv")) > 0) {
                c->received += (size_t)got;
                meter.count += (uint64_t)got;
            }
            while (c->sent - c->received < window) {
                got = checked(pour(c->fd, source, chunk), "sendfile");
                if (got == 0)
                    break;
                c->sent += (size_t)got;
            }
        }
    }
}

void run_sink(const struct options *options)
{
    size_t chunk = (size_t)options->size;
    struct epoll_event events[EVENTS];
    struct meter meter;
    int epoll = epoll_new(), source = source_new(chunk), n, e;
    struct connection *connections = connections_new(options, epoll, EPOLLOUT);

    meter_start(&meter, options);
    while (!meter_turn(&meter)) {
        n = wait_events(epoll, events);
        for (e = 0; e < n; e++) {
            int fd = connections[events[e].data.u32].fd;
            meter.count += (uint64_t)checked(pour(fd, source, chunk), "sendfile");
        }
    }
}

void run_source(const struct options *options)
{
    struct epoll_event events[EVENTS];
    struct meter meter;
    int epoll = epoll_new(), n, e;
    struct connection *connections = connections_new(options, epoll, EPOLLIN);

    meter_start(&meter, options);
    while (!meter_turn(&meter)) {
        n = wait_events(epoll, events);
        for (e = 0; e < n; e++)
            meter.count += (uint64_t)checked(discard(connections[events[e].data.u32].fd), "recv");
    }
}
