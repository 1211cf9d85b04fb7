// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_SETUP_POSTFIX_H
#define VERIMAIL_SETUP_POSTFIX_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

/* Postfix of this machine, through postconf(1). */

#define POSTFIX_ERROR_MAX 640
#define POSTFIX_SETTINGS 5

/* A line of main.cf. */
struct postfix_setting {
    const char *name;
    char *before;
    char *after; /* what Verimail needs; equal to `before`: it is so already */
};

struct postfix {
    char *queue;    /* folder, from where its processes see unix sockets */
    char *hostname; /* myhostname */
    char *networks; /* mynetworks */
    struct postfix_setting settings[POSTFIX_SETTINGS];
    char *main_cf; /* its path */
    char *copy;    /* what main.cf was before postfix_apply(); NULL: none was made */
};

/* False when there is no Postfix, or it cannot be read: `error_r` then has a sentence, empty when
 * it is not installed. Call postfix_free() in either case. */
bool postfix_read(struct postfix *postfix_r, char error_r[POSTFIX_ERROR_MAX])
        __attribute__((warn_unused_result));
void postfix_free(struct postfix *postfix);

/* How Postfix writes the milter's socket. */
#define POSTFIX_SOCKET_MAX (PATH_MAX + 16)
void postfix_socket(const char *queue, const char *socket, char text_r[POSTFIX_SOCKET_MAX]);

/* Finds `after` of all settings, for a milter at `socket`, as verimail.conf has it. False when out
 * of memory. */
bool postfix_plan(struct postfix *postfix, const char *socket) __attribute__((warn_unused_result));
bool postfix_is_changed(const struct postfix_setting *setting);
size_t postfix_changes(const struct postfix *postfix);

/* postconf -e with what is changed, and a reload if Postfix runs. What main.cf was stays beside it,
 * and is put back when that fails. False with a sentence. */
bool postfix_apply(struct postfix *postfix, bool *runs_r, char error_r[POSTFIX_ERROR_MAX])
        __attribute__((warn_unused_result));

/* The value of a setting; NULL with a sentence. The caller frees it. `is_expanded`: with the values
 * of the settings that it names. */
char *postfix_get(const char *name, bool is_expanded, char error_r[POSTFIX_ERROR_MAX]);

/* The elements of a list of milters: what stands between spaces and commas, with braces whole.
 * Takes one from `*rest`; empty at the end. */
struct text postfix_next_milter(struct text *rest);

#endif
