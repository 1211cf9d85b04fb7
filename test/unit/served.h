// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_TEST_SERVED_H
#define VERIMAIL_TEST_SERVED_H

#include "conf.h"
#include "folder.h"
#include "protocol/payload.h"
#include "service/service.h"

#define SERVED_HOST "mail.example.org"
#define SERVED_NOW 1767225600 /* Unix seconds: when served_seal()'s payloads were issued */

/* A service with the keys of SERVED_HOST, made of a configuration on line 1 and what follows it. */
struct served {
    struct folder folder;
    struct conf conf;
    struct service *service; /* NULL: conf.problems say why */
};

/* `options`: more of the section `service`; `rest`: what comes from line 2 on. `$` in both stands
 * for the folder, which has `service.key`. Ends the test program when the configuration is wrong,
 * but not when service_init() finds something. */
struct served served_open(const char *options, const char *rest);
/* The same in a folder that has other files as well. It is the caller's then. */
struct served served_open_in(struct folder folder, const char *options, const char *rest);
void served_close(struct served *served);

/* The text form of a key that is a host's public one, and of a service's secret one. */
void served_host_key(unsigned char number, char text_r[KEY_TEXT_MAX + 1]);
void served_service_key(unsigned char number, char text_r[KEY_TEXT_MAX + 1]);

/* A payload of SERVED_HOST for this user, to anybody, that binds no message, NUL-terminated. */
void served_seal(const char *user, uint64_t issued, char text_r[PAYLOAD_TEXT_MAX + 1]);

#endif
