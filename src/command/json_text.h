// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_JSON_TEXT_H
#define VERIMAIL_COMMAND_JSON_TEXT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol/text.h"

/* JSON that another program may read whatever we were given. When out of memory the program ends
 * with STATUS_FAILURE: a document with a part missing would be a lie. */

json_t *json_text_object(void);
json_t *json_text_array(void);
/* A string; octets that are not UTF-8 are written \xNN, and so is then each `\`. */
json_t *json_text_of(struct text t);
json_t *json_text_string(const char *zero_terminated);
json_t *json_text_number(uint64_t number); /* at most INT64_MAX is said; more becomes a string */

/* These take `value` over. */
void json_text_set(json_t *object, const char *key, json_t *value);
void json_text_append(json_t *array, json_t *value);

/* The document and a line's end, in ASCII without a control octet; frees it. */
void json_text_print(FILE *out, json_t *document);
/* The same in one line. */
void json_text_print_line(FILE *out, json_t *document);

#endif
