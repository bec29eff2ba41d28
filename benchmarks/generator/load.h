/* What the parts of the load generator share.
 *
 * Law: nothing is counted outside the window.  meter_turn() opens and closes it; at both edges it
 * reads the server's CPU clock, so work and the CPU time spent on it cover the same stretch. */

#ifndef NODENET_LOAD_H
#define NODENET_LOAD_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>

#define MOST_PROCESSES 64

struct options {
    int port;        /* of the server under load, on 127.0.0.1 */
    int pids[MOST_PROCESSES]; /* of the server; a cluster has several */
    int processes;   /* how many of them, 0: measure no CPU time */
    int connections; /* sockets that the generator opens */
    int size;        /* bytes of a message or of one write */
    int lines;       /* in each message, as the line protocol reads it */
    int window;      /* bytes (streams) or datagrams (UDP) in flight on each socket */
    double warmup;   /* seconds before the window opens */
    double seconds;  /* length of the window */
};

/* Logarithmic buckets, 64 to each power of two: an error below 1.6 %. */
#define SUB_BITS 6
#define BUCKETS ((65 - SUB_BITS) << SUB_BITS)

struct meter {
    int open;
    double opens, closes;             /* planned, on the monotonic clock */
    double wall, server_cpu, own_cpu; /* clock readings at the opening */
    double server_waited;             /* likewise, see server_waited() */
    int processes;                    /* of the server */
    int pids[MOST_PROCESSES];
    int64_t clocks[MOST_PROCESSES];   /* clockids of their CPU time */
    uint64_t count;                   /* requests, connections, datagrams or bytes */
    uint64_t lost;                    /* datagrams given up */
    uint64_t samples, buckets[BUCKETS];
};

noreturn void die(const char *what);
double now_seconds(void);
uint64_t now_nanoseconds(void);
void meter_start(struct meter *meter, const struct options *options);
int meter_turn(struct meter *meter); /* 1: the window has closed, the report is printed */
void meter_latency(struct meter *meter, uint64_t nanoseconds);

struct sockaddr_in loopback(int port);
int tcp_connected(int port);
void set_nonblocking(int fd);
int epoll_new(void);
void epoll_watch(int epoll, int fd, uint32_t events, uint32_t index);

void run_pingpong(const struct options *options);
void run_echo_stream(const struct options *options);
void run_sink(const struct options *options);
void run_source(const struct options *options);
void run_churn(const struct options *options);
void run_idle(const struct options *options);
void run_backend(const struct options *options);
void run_udp_pingpong(const struct options *options);
void run_udp_in(const struct options *options);
void run_udp_out(const struct options *options);

#endif
