// SPDX-License-Identifier: ISC
/* For each user@domain on a line of standard input, a question about a stamped message with a
 * payload of its own, as a verifier would ask it. The service itself can make a payload, so its
 * configuration is all that is needed. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "config/config.h"
#include "protocol/payload.h"
#include "verimaild/service.h"

static struct service *make_service(const char *path, struct problems *problems)
{
    struct config *config = config_read(path, problems);

    if (config == NULL || config->service == NULL)
        return NULL;
    return service_init(config, problems); /* which borrows from it for as long as we run */
}

static bool print_question(const struct shared_key *key, const char *user)
{
    static const char digest[] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    unsigned char nonce[PAYLOAD_NONCE];
    char buffer[PAYLOAD_TEXT_MAX];
    struct writer w = writer_of(buffer, sizeof buffer);
    const struct payload payload = {
            .host = text_of(key->host),
            .receiving = text_of("receiver.example:1"),
            .issued = unix_now(),
            .user = text_of(user),
            .digest = text_of(digest),
    };

    randombytes_buf(nonce, sizeof nonce);
    if (!payload_seal(key, nonce, &payload, &w))
        return false;
    const struct text text = writer_text(&w);
    return printf("%s %.*s rcpt=receiver.example digest=%s ip=192.0.2.1\n", user, (int)text.len,
                   text.at, digest) > 0;
}

/* Without the line's end. */
static bool read_user(char *buffer, size_t size)
{
    if (fgets(buffer, (int)size, stdin) == NULL)
        return false;
    buffer[strcspn(buffer, "\n")] = '\0';
    return true;
}

int main(int argc, char **argv)
{
    struct problems *problems = argc == 2 ? problems_init(argv[1]) : NULL;
    char user[ADDRESS_MAX + 2];

    if (problems == NULL) {
        fputs("usage: stamped CONFIG <USERS\n", stderr);
        return 2;
    }
    struct service *service = sodium_init() >= 0 ? make_service(argv[1], problems) : NULL;
    if (service == NULL || keyring_count(service_keyring(service)) == 0) {
        fputs(problems_text(problems), stderr);
        return 1;
    }
    while (read_user(user, sizeof user))
        if (!print_question(keyring_at(service_keyring(service), 0), user))
            return 1;
    return fflush(stdout) == 0 ? 0 : 1;
}
