// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_USERS_ACCOUNT_H
#define VERIMAIL_USERS_ACCOUNT_H

#include <stdbool.h>
#include <stddef.h>

#include "users/mailbox.h"

/* The addresses of one entry of a directory. One of them is the primary one, whose row has the
 * rule; the others are aliases of it: who revokes that one row has revoked all of them. */
struct person;

enum person_result {
    PERSON_TAKEN,
    PERSON_FOREIGN, /* no address of mail: X400 and the like */
    PERSON_BAD,     /* no address at all */
    PERSON_NO_MEMORY,
};

struct person *person_init(void);
void person_free(struct person **person);
/* For the next entry. */
void person_clear(struct person *person);

/* A value of an attribute; `rank`: its place among those that are configured, 0 the first. */
enum person_result person_add(struct person *person, struct text value, size_t rank);

/* When all are there: each once, the primary one first, the others in order. That is the one with
 * SMTP in capital letters, or else one of the first attribute that has any; of several the first in
 * the order of octets, since a directory gives values in any order. */
size_t person_settle(struct person *person);
struct text person_address(const struct person *person, size_t index);

#endif
