// SPDX-License-Identifier: ISC
/* Finds the services of the domains that come in as lines, each with the SMTP client's address
 * behind a space or none, and writes a line of JSON for each; with one resolver for all, as in the
 * milter. test_servers.py asks it. Never installed.
 *
 * usage: discover [-r RESOLVER] [-a TRUST_ANCHOR]... [-l MILLISECONDS] [-t THREADS] [-s]
 * -t: so many ask about each domain at once, and each writes a line; a `#` in the domain stands for
 * the number of each. -s: in the milter's sandbox.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/network.h"
#include "client/discovery.h"
#include "process/identity.h"
#include "process/sandbox.h"

#define ANCHORS_MAX 8
#define THREADS_MAX 256

struct job {
    struct discovery *discovery;
    uint64_t limit; /* milliseconds */
    char domain[512];
    const char *ip;
};

struct finder {
    const struct job *job;
    size_t number;
    pthread_t thread;
};

struct options {
    struct discovery_options discovery;
    const char *anchors[ANCHORS_MAX];
    uint64_t limit;
    size_t threads;
    bool sandbox;
};

static void print(const struct discovery_answer *answer, uint64_t took)
{
    static const char *const names[] = {[DISCOVERY_FOUND] = "found",
            [DISCOVERY_NONE] = "none",
            [DISCOVERY_ERROR] = "error",
            [DISCOVERY_SHORTAGE] = "shortage"};

    flockfile(stdout);
    printf("{\"result\": \"%s\", \"secure\": %s, \"srv\": \"%s\", \"cause\": \"%s\", "
           "\"took\": %" PRIu64 ", \"servers\": [",
            names[answer->result], answer->secure ? "true" : "false", answer->domain, answer->cause,
            took);
    for (size_t i = 0; i < answer->count; i++) {
        char place[ENDPOINT_TEXT_MAX];
        endpoint_format(&answer->servers[i].endpoint, place);
        printf("%s[\"%s\", \"%s\"]", i > 0 ? ", " : "", place, answer->servers[i].target);
    }
    puts("]}");
    fflush(stdout);
    funlockfile(stdout);
}

/* The domain, with the thread's number in the place of `#`. */
static void write_domain(const struct finder *finder, char *domain_r, size_t size)
{
    const char *domain = finder->job->domain;
    const size_t before = strcspn(domain, "#");

    if (domain[before] == '\0')
        snprintf(domain_r, size, "%s", domain);
    else
        snprintf(domain_r, size, "%.*s%zu%s", (int)before, domain, finder->number,
                domain + before + 1);
}

static void *find(void *context)
{
    const struct finder *finder = context;
    const struct job *job = finder->job;
    const uint64_t began = mono_ms();
    struct discovery_answer answer;
    char network[NETWORK_CLIENT_MAX];
    char domain[544];

    write_domain(finder, domain, sizeof domain);
    discovery_find(job->discovery, text_of(domain), network_of_client(text_of(job->ip), network),
            began + job->limit, &answer);
    print(&answer, mono_ms() - began);
    return NULL;
}

static bool find_at_once(struct job *job, size_t count)
{
    struct finder finders[THREADS_MAX];
    size_t started = 0;

    for (; started < count; started++) {
        finders[started] = (struct finder){.job = job, .number = started};
        if (pthread_create(&finders[started].thread, NULL, find, &finders[started]) != 0)
            break;
    }
    for (size_t i = 0; i < started; i++)
        pthread_join(finders[i].thread, NULL);
    return started == count;
}

static bool read_options(int argc, char **argv, struct options *options_r)
{
    struct options *o = options_r;
    int letter;

    *o = (struct options){.limit = 2000, .threads = 1};
    o->discovery.trust_anchors = o->anchors;
    while ((letter = getopt(argc, argv, "r:a:l:t:s")) != -1) {
        if (letter == 'r')
            o->discovery.resolver = optarg;
        else if (letter == 'a' && o->discovery.trust_anchors_count < ANCHORS_MAX)
            o->anchors[o->discovery.trust_anchors_count++] = optarg;
        else if (letter == 'l')
            o->limit = strtoull(optarg, NULL, 10);
        else if (letter == 't')
            o->threads = strtoull(optarg, NULL, 10);
        else if (letter == 's')
            o->sandbox = true;
        else
            return false;
    }
    return optind == argc && o->threads <= THREADS_MAX;
}

static bool shut_in(void)
{
    const int empty = identity_empty_folder();
    struct identity identity;

    tzset();
    return empty >= 0 && identity_find("nobody", &identity) && identity_become(&identity, empty) &&
           sandbox_enter_milter();
}

int main(int argc, char **argv)
{
    struct options options;
    struct job job = {0};
    char cause[DISCOVERY_ERROR_MAX];

    if (!read_options(argc, argv, &options))
        return 2;
    job.limit = options.limit;
    job.discovery = discovery_init(&options.discovery, cause);
    if (job.discovery == NULL) {
        printf("{\"result\": \"refused\", \"cause\": \"%s\"}\n", cause);
        return EXIT_FAILURE;
    }
    bool good = discovery_start(job.discovery) && (!options.sandbox || shut_in());
    while (good && fgets(job.domain, sizeof job.domain, stdin) != NULL) {
        job.domain[strcspn(job.domain, "\n")] = '\0';
        char *space = strchr(job.domain, ' ');
        job.ip = space != NULL ? space + 1 : "";
        if (space != NULL)
            *space = '\0';
        good = find_at_once(&job, options.threads);
    }
    discovery_free(&job.discovery);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
