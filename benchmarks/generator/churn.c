/* Connections that come and go, connections that stay idle, and the echo behind a relay. */

#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS 256
#define SOURCES 200

struct visit {
    int fd, half_closed;
    uint64_t began;
};

/* Each connection ends in TIME_WAIT here.  Many source addresses keep the ports from running out. */
static void begin(struct visit *visit, int epoll, uint32_t index, const struct options *options)
{
    static uint32_t turn;
    struct sockaddr_in from = loopback(0), to = loopback(options->port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        die("socket");
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + turn++ % SOURCES);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&from, sizeof from) < 0)
        die("bind");
    visit->fd = fd;
    visit->half_closed = 0;
    visit->began = now_nanoseconds();
    if (connect(fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
        die("connect");
    epoll_watch(epoll, fd, EPOLLIN | EPOLLOUT | EPOLLET, index);
}

/* Connect, half-close, wait until the server has closed its side too: nothing is left undone. */
void run_churn(const struct options *options)
{
    struct visit *visits = calloc((size_t)options->connections, sizeof *visits);
    struct epoll_event events[EVENTS];
    struct meter meter;
    int epoll = epoll_new(), n, e;
    char byte;

    if (!visits)
        die("calloc");
    meter_start(&meter, options);
    for (n = 0; n < options->connections; n++)
        begin(&visits[n], epoll, (uint32_t)n, options);
    while (!meter_turn(&meter)) {
        n = epoll_wait(epoll, events, EVENTS, 20);
        for (e = 0; e < n; e++) {
            struct visit *visit = &visits[events[e].data.u32];
            if (!visit->half_closed && (events[e].events & EPOLLOUT)) {
                visit->half_closed = 1;
                if (shutdown(visit->fd, SHUT_WR) < 0)
                    die("shutdown");
            }
            if (!visit->half_closed || !(events[e].events & EPOLLIN))
                continue;
            if (recv(visit->fd, &byte, 1, 0) != 0)
                continue;
            close(visit->fd);
            meter_latency(&meter, now_nanoseconds() - visit->began);
            meter.count++;
            begin(visit, epoll, events[e].data.u32, options);
        }
    }
}

/* Every connection has been answered once, so it is a live one, before it falls idle. */
void run_idle(const struct options *options)
{
    char byte = 'x';
    int i;
    for (i = 0; i < options->connections; i++) {
        int fd = tcp_connected(options->port);
        if (send(fd, &byte, 1, MSG_NOSIGNAL) != 1 || recv(fd, &byte, 1, 0) != 1)
            die("idle connection");
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, &byte, 1) > 0)
        ;
}

/* The echo server behind the relay: it says its port and serves until it is killed. */
void run_backend(const struct options *options)
{
    static char buffer[1 << 16];
    struct sockaddr_in address = loopback(0);
    socklen_t length = sizeof address;
    struct epoll_event events[EVENTS];
    int epoll = epoll_new(), listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n, e;

    (void)options;
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0)
        die("bind");
    if (listen(listener, 511) < 0 || getsockname(listener, (struct sockaddr *)&address, &length) < 0)
        die("listen");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    epoll_watch(epoll, listener, EPOLLIN, (uint32_t)listener);
    for (;;) {
        n = epoll_wait(epoll, events, EVENTS, -1);
        for (e = 0; e < n; e++) {
            int fd = (int)events[e].data.u32;
            ssize_t got;
            if (fd == listener) {
                if ((fd = accept(listener, NULL, NULL)) < 0)
                    die("accept");
                epoll_watch(epoll, fd, EPOLLIN, (uint32_t)fd);
                continue;
            }
            got = recv(fd, buffer, sizeof buffer, 0);
            if (got <= 0 || send(fd, buffer, (size_t)got, MSG_NOSIGNAL) != got)
                close(fd);
        }
    }
}
