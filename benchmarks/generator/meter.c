/* Clocks, the latency histogram and the report: one line of JSON on standard output. */

#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

noreturn void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t clock_nanoseconds(clockid_t clock)
{
    struct timespec time;
    if (clock_gettime(clock, &time) < 0)
        die("clock_gettime");
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t now_nanoseconds(void)
{
    return clock_nanoseconds(CLOCK_MONOTONIC);
}

double now_seconds(void)
{
    return (double)now_nanoseconds() / 1e9;
}

static double server_cpu(const struct meter *meter)
{
    /* All threads of the processes, those that have ended too, to the nanosecond. */
    double sum = 0;
    int p;
    for (p = 0; p < meter->processes; p++)
        sum += (double)clock_nanoseconds((clockid_t)meter->clocks[p]) / 1e9;
    return sum;
}

static double process_waited(int pid)
{
    unsigned long long ran, waited;
    char path[64];
    FILE *file;
    int fields;
    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    if (!(file = fopen(path, "r")))
        return 0; /* a kernel that does not tell */
    fields = fscanf(file, "%llu %llu", &ran, &waited);
    fclose(file);
    return fields == 2 ? (double)waited / 1e9 : 0;
}

/* Seconds that the server was ready to run while its core did something else. */
static double server_waited(const struct meter *meter)
{
    double sum = 0;
    int p;
    for (p = 0; p < meter->processes; p++)
        sum += process_waited(meter->pids[p]);
    return sum;
}

void meter_start(struct meter *meter, const struct options *options)
{
    clockid_t clock;
    int p;
    memset(meter, 0, sizeof *meter);
    meter->processes = options->processes;
    for (p = 0; p < options->processes; p++) {
        meter->pids[p] = options->pids[p];
        if (clock_getcpuclockid(options->pids[p], &clock) != 0)
            die("clock_getcpuclockid");
        meter->clocks[p] = clock;
    }
    meter->opens = now_seconds() + options->warmup;
    meter->closes = meter->opens + options->seconds;
}

static size_t bucket_of(uint64_t value)
{
    int shift;
    if (value < (1u << SUB_BITS))
        return (size_t)value;
    shift = 63 - __builtin_clzll(value) - SUB_BITS;
    return ((size_t)shift << SUB_BITS) + (size_t)(value >> shift);
}

static double value_of(size_t bucket)
{
    size_t shift = bucket >> SUB_BITS;
    if (shift == 0)
        return (double)bucket;
    shift -= 1;
    return ((double)(bucket - (shift << SUB_BITS)) + 0.5) * (double)(1ull << shift);
}

void meter_latency(struct meter *meter, uint64_t nanoseconds)
{
    meter->samples++;
    meter->buckets[bucket_of(nanoseconds)]++;
}

static double percentile(const struct meter *meter, double share)
{
    uint64_t rank = (uint64_t)(share * (double)meter->samples), seen = 0;
    size_t bucket;
    for (bucket = 0; bucket < BUCKETS; bucket++) {
        seen += meter->buckets[bucket];
        if (seen > rank)
            return value_of(bucket) / 1e3;
    }
    return 0;
}

static void report(const struct meter *meter)
{
    printf("{\"count\": %llu, \"lost\": %llu, \"wall\": %.9f, ", (unsigned long long)meter->count,
           (unsigned long long)meter->lost, now_seconds() - meter->wall);
    printf("\"server_cpu\": %.9f, \"server_waited\": %.9f, \"own_cpu\": %.9f",
           server_cpu(meter) - meter->server_cpu, server_waited(meter) - meter->server_waited,
           (double)clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID) / 1e9 - meter->own_cpu);
    if (meter->samples)
        printf(", \"p50_us\": %.3f, \"p99_us\": %.3f", percentile(meter, 0.50), percentile(meter, 0.99));
    printf("}\n");
    fflush(stdout);
}

int meter_turn(struct meter *meter)
{
    double now = now_seconds();
    if (!meter->open && now >= meter->opens) {
        meter->open = 1;
        meter->count = meter->lost = meter->samples = 0;
        memset(meter->buckets, 0, sizeof meter->buckets);
        meter->closes += now - meter->opens;
        meter->wall = now;
        meter->server_cpu = server_cpu(meter);
        meter->server_waited = server_waited(meter);
        meter->own_cpu = (double)clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID) / 1e9;
    } else if (meter->open && now >= meter->closes) {
        report(meter);
        return 1;
    }
    return 0;
}
