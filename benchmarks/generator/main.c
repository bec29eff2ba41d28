/* load MODE name=number ...: puts one load on a server on 127.0.0.1 and reports it as JSON. */

#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    void (*run)(const struct options *options);
} modes[] = {
    {"pingpong", run_pingpong},
    {"echo-stream", run_echo_stream},
    {"sink", run_sink},
    {"source", run_source},
    {"churn", run_churn},
    {"idle", run_idle},
    {"backend", run_backend},
    {"udp-pingpong", run_udp_pingpong},
    {"udp-in", run_udp_in},
    {"udp-out", run_udp_out},
};

static void add_process(struct options *options, int pid)
{
    if (options->processes == MOST_PROCESSES) {
        fprintf(stderr, "load: too many processes\n");
        exit(2);
    }
    options->pids[options->processes++] = pid;
}

static void set(struct options *options, const char *name, double value)
{
    if (!strcmp(name, "port"))
        options->port = (int)value;
    else if (!strcmp(name, "pid"))
        add_process(options, (int)value);
    else if (!strcmp(name, "connections"))
        options->connections = (int)value;
    else if (!strcmp(name, "size"))
        options->size = (int)value;
    else if (!strcmp(name, "lines"))
        options->lines = (int)value;
    else if (!strcmp(name, "window"))
        options->window = (int)value;
    else if (!strcmp(name, "warmup"))
        options->warmup = value;
    else if (!strcmp(name, "seconds"))
        options->seconds = value;
    else {
        fprintf(stderr, "load: no option %s\n", name);
        exit(2);
    }
}

int main(int argc, char **argv)
{
    struct options options = {.connections = 1, .size = 64, .lines = 1, .window = 1, .seconds = 1};
    size_t m;
    int i;

    for (i = 2; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (!equals) {
            fprintf(stderr, "load: %s is not name=number\n", argv[i]);
            return 2;
        }
        *equals = 0;
        set(&options, argv[i], atof(equals + 1));
    }
    for (m = 0; argc > 1 && m < sizeof modes / sizeof *modes; m++) {
        if (!strcmp(argv[1], modes[m].name)) {
            modes[m].run(&options);
            return 0;
        }
    }
    fprintf(stderr, "load: no such mode\n");
    return 2;
}
