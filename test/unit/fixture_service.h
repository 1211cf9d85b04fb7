// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_FIXTURE_SERVICE_H
#define VERIMAIL_TEST_FIXTURE_SERVICE_H

#include "conf.h"
#include "folder.h"
#include "protocol/payload.h"
#include "verimaild/query.h"
#include "verimaild/service.h"

#define FIXTURE_SERVICE_HOST "mail.example.org"
/* Unix seconds: when fixture_service_seal()'s payloads were issued. */
#define FIXTURE_SERVICE_NOW 1767225600

/* A service with the keys of FIXTURE_SERVICE_HOST, made of a configuration on line 1 and what
 * follows it. */
struct fixture_service {
    struct folder folder;
    struct conf conf;
    struct service *service; /* NULL: conf.problems say why */
};

/* `options`: more of the section `service`; `rest`: what comes from line 2 on. `$` in both stands
 * for the folder, which has `service.key`. Ends the test program when the configuration is wrong,
 * but not when service_init() finds something. */
struct fixture_service fixture_service_open(const char *options, const char *rest);
/* The same in a folder that has other files as well. It is the caller's then. */
struct fixture_service fixture_service_open_in(
        struct folder folder, const char *options, const char *rest);
void fixture_service_close(struct fixture_service *fixture);

/* The whole way of a line to its judgement, where nothing is counted. */
void fixture_service_judge(const struct fixture_service *fixture, struct text line,
        uint64_t unix_now, struct query *query_r);

/* The text form of a key that is a host's public one, and of a service's secret one. */
void fixture_service_host_key(unsigned char number, char text_r[KEY_TEXT_MAX + 1]);
void fixture_service_service_key(unsigned char number, char text_r[KEY_TEXT_MAX + 1]);

/* A payload of FIXTURE_SERVICE_HOST for this user, to anybody, that binds no message,
 * NUL-terminated. */
void fixture_service_seal(const char *user, uint64_t issued, char text_r[PAYLOAD_TEXT_MAX + 1]);

#endif
