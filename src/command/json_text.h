// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_JSON_TEXT_H
#define VERIMAIL_COMMAND_JSON_TEXT_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol/text.h"

/* Writes JSON that other programs can always parse, whatever the input. When out of memory the
 * program exits with STATUS_FAILURE, since a document must not lack a part. */

json_t *json_text_object(void);
json_t *json_text_array(void);
/* A string. If it is not UTF-8, invalid octets are written as \xNN, and so is each `\`. */
json_t *json_text_of(struct text t);
json_t *json_text_string(const char *zero_terminated);
json_t *json_text_number(uint64_t number); /* more than INT64_MAX becomes a string */

/* These take ownership of `value`. */
void json_text_set(json_t *object, const char *key, json_t *value);
void json_text_append(json_t *array, json_t *value);

/* Prints the document and a newline, in ASCII without control octets. Frees it. */
void json_text_print(FILE *out, json_t *document);
/* The same in one line. */
void json_text_print_line(FILE *out, json_t *document);

#endif
