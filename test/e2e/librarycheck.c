// SPDX-License-Identifier: ISC
/* A program of somebody else that checks by libverimail, in several threads at once.
 * usage: [PEER=ADDRESS:PORT] librarycheck RESOLVER NETWORK USER RCPT THREADS [PAYLOAD BUDGET]
 * PEER: of the user's domain. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "library/verimail.h"

static struct verimail_checker *checker;
static const char *user;
static const char *rcpt;
static const char *payload;

static void *run(void *context)
{
    struct verimail_outcome outcome;
    const enum verimail_result result =
            verimail_check(checker, user, payload, &rcpt, 1, NULL, NULL, &outcome);

    (void)context;
    if (result != VERIMAIL_OK)
        printf("failed: %s\n", verimail_result_text(result));
    else
        printf("%s|%s|%s|%s|%s%s\n", verimail_verdict_name(outcome.verdict),
                verimail_reason_name(outcome.reason), outcome.server, outcome.target, outcome.cause,
                outcome.shortage ? "!" : "");
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t threads[64];
    const char *const anchors[] = {NULL};
    const char *networks[] = {argc > 2 ? argv[2] : ""};
    const char *at = argc > 3 ? strchr(argv[3], '@') : NULL;
    const struct verimail_peer peer = {
            at != NULL ? at + 1 : "", getenv("PEER"), getenv("PEER_KEY")};
    const struct verimail_checker_options options = {
            .resolver = argc > 1 ? argv[1] : NULL,
            .trust_anchors = anchors,
            .allow_networks = networks,
            .allow_networks_count = 1,
            .timeout = 2000,
            .peers = &peer,
            .peers_count = peer.address != NULL,
            .budget_per_domain = argc > 7 ? (unsigned)atoi(argv[7]) : 0,
    };

    if (argc != 6 && argc != 8)
        return EXIT_FAILURE;
    const enum verimail_result result = verimail_checker_new(&options, &checker);
    if (result != VERIMAIL_OK) {
        printf("no checker: %s\n", verimail_result_text(result));
        return EXIT_SUCCESS;
    }
    user = argv[3];
    rcpt = argv[4];
    payload = argv[6];
    const int count = atoi(argv[5]) < 64 ? atoi(argv[5]) : 64;
    for (int i = 0; i < count; i++)
        if (pthread_create(&threads[i], NULL, run, NULL) != 0)
            return EXIT_FAILURE;
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    verimail_checker_free(&checker);
    return EXIT_SUCCESS;
}
