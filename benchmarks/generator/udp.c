/* Loads on datagrams.
 *
 * Law: never more in flight than the window, and never stuck.  A datagram without its answer after
 * TIMEOUT counts as lost and makes room for another; a late answer to a lost one is ignored. */

#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define BATCH 64
#define DATAGRAM 2048
#define TIMEOUT 200000000u /* nanoseconds */
#define BURST 64           /* datagrams to one acknowledgement, or to one request */

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef SOL_UDP
#define SOL_UDP 17
#endif

struct flight {
    uint64_t sent_at, number;
};

struct port {
    int fd;
    struct flight *flights;  /* one for each place in the window */
    uint32_t places[BATCH];  /* to be sent with the next flush */
    unsigned waiting;
};

struct header {
    uint64_t number;
    uint32_t place;
};

static char incoming[BATCH][DATAGRAM], outgoing[BATCH][DATAGRAM];
static struct iovec in_vectors[BATCH], out_vectors[BATCH];
static struct mmsghdr in_headers[BATCH], out_headers[BATCH];

static void headers_init(size_t size)
{
    int i;
    for (i = 0; i < BATCH; i++) {
        in_vectors[i] = (struct iovec){incoming[i], DATAGRAM};
        out_vectors[i] = (struct iovec){outgoing[i], size};
        in_headers[i].msg_hdr = (struct msghdr){.msg_iov = &in_vectors[i], .msg_iovlen = 1};
        out_headers[i].msg_hdr = (struct msghdr){.msg_iov = &out_vectors[i], .msg_iovlen = 1};
        memset(outgoing[i], 'x', DATAGRAM);
    }
}

static int udp_connected(int port)
{
    struct sockaddr_in address = loopback(port);
    int room = 1 << 22, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
        die("connect");
    return fd;
}

static int receive(int fd)
{
    int n = recvmmsg(fd, in_headers, BATCH, 0, NULL);
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        die("recvmmsg");
    return n < 0 ? 0 : n;
}

static void send_batch(int fd, unsigned total)
{
    unsigned done = 0;
    while (done < total) {
        int n = sendmmsg(fd, out_headers + done, total - done, 0);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            die("sendmmsg");
        done += n < 0 ? 0 : (unsigned)n;
    }
}

/* A burst leaves in one piece that the kernel cuts, for a server reads faster than one process can
 * send one by one. */
static int cuts(int fd, int size)
{
    return setsockopt(fd, SOL_UDP, UDP_SEGMENT, &size, sizeof size) == 0;
}

static void send_burst(int fd)
{
    struct msghdr burst = {.msg_iov = out_vectors, .msg_iovlen = BURST};
    while (sendmsg(fd, &burst, 0) < 0)
        if (errno != EAGAIN && errno != EINTR)
            die("sendmsg");
}

static void flush(struct port *port)
{
    uint64_t now = now_nanoseconds();
    unsigned i;
    for (i = 0; i < port->waiting; i++) {
        struct flight *flight = &port->flights[port->places[i]];
        struct header header = {++flight->number, port->places[i]};
        memcpy(outgoing[i], &header, sizeof header);
        flight->sent_at = now;
    }
    send_batch(port->fd, port->waiting);
    port->waiting = 0;
}

static void queue(struct port *port, uint32_t place)
{
    port->places[port->waiting++] = place;
    if (port->waiting == BATCH)
        flush(port);
}

static void landed(struct port *port, struct meter *meter, const char *datagram, uint32_t window)
{
    struct header header;
    memcpy(&header, datagram, sizeof header);
    if (header.place >= window || port->flights[header.place].number != header.number)
        return;
    meter_latency(meter, now_nanoseconds() - port->flights[header.place].sent_at);
    meter->count++;
    queue(port, header.place);
}

static void give_up_old(struct port *port, struct meter *meter, uint32_t window)
{
    uint64_t now = now_nanoseconds();
    uint32_t place;
    for (place = 0; place < window; place++) {
        if (now - port->flights[place].sent_at < TIMEOUT)
            continue;
        meter->lost++;
        queue(port, place);
    }
    flush(port);
}

static struct port *ports_new(const struct options *options, int epoll)
{
    struct port *ports = calloc((size_t)options->connections, sizeof *ports);
    uint32_t place;
    int i;
    if (!ports)
        die("calloc");
    for (i = 0; i < options->connections; i++) {
        ports[i].fd = udp_connected(options->port);
        ports[i].flights = calloc((size_t)options->window, sizeof *ports[i].flights);
        if (!ports[i].flights)
            die("calloc");
        epoll_watch(epoll, ports[i].fd, EPOLLIN, (uint32_t)i);
        for (place = 0; place < (uint32_t)options->window; place++)
            queue(&ports[i], place);
        flush(&ports[i]);
    }
    return ports;
}

void run_udp_pingpong(const struct options *options)
{
    uint32_t window = (uint32_t)options->window;
    uint64_t checked = now_nanoseconds();
    struct epoll_event events[BATCH];
    struct meter meter;
    struct port *ports;
    int epoll = epoll_new(), n, e, i;

    headers_init((size_t)options->size);
    meter_start(&meter, options);
    ports = ports_new(options, epoll);
    while (!meter_turn(&meter)) {
        n = epoll_wait(epoll, events, BATCH, 20);
        for (e = 0; e < n; e++) {
            struct port *port = &ports[events[e].data.u32];
            int got = receive(port->fd);
            for (i = 0; i < got; i++)
                landed(port, &meter, incoming[i], window);
            flush(port);
        }
        if (now_nanoseconds() - checked > TIMEOUT / 4) {
            checked = now_nanoseconds();
            for (i = 0; i < options->connections; i++)
                give_up_old(&ports[i], &meter, window);
        }
    }
}

static void send_credit(int fd, unsigned total, int whole)
{
    if (whole)
        send_burst(fd);
    else
        send_batch(fd, total);
}

/* One socket, one number of things under way, topped up by what comes back or by a timeout. */
static void run_credit(const struct options *options, unsigned sent_each, unsigned counted_each)
{
    uint64_t heard = now_nanoseconds();
    unsigned received = 0, top_up = 0;
    struct epoll_event event;
    struct meter meter;
    int epoll = epoll_new(), fd = udp_connected(options->port), got, i;
    int whole = sent_each == BURST && cuts(fd, options->size);

    headers_init((size_t)options->size);
    epoll_watch(epoll, fd, EPOLLIN, 0);
    meter_start(&meter, options);
    for (i = 0; i < options->window; i++)
        send_credit(fd, sent_each, whole);
    while (!meter_turn(&meter)) {
        if (epoll_wait(epoll, &event, 1, 20) > 0) {
            got = receive(fd);
            heard = now_nanoseconds();
            meter.count += (uint64_t)got * counted_each;
            received += (unsigned)got * counted_each;
        } else if (now_nanoseconds() - heard > TIMEOUT) {
            heard = now_nanoseconds();
            meter.lost += BURST - received % BURST;
            received += BURST - received % BURST;
        }
        for (top_up = received / BURST, received %= BURST; top_up > 0; top_up--)
            send_credit(fd, sent_each, whole);
    }
}

/* The server receives; it answers every 64th datagram. */
void run_udp_in(const struct options *options)
{
    run_credit(options, BURST, BURST);
}

/* The server sends; it is asked once for every 64 datagrams. */
void run_udp_out(const struct options *options)
{
    run_credit(options, 1, 1);
}
