// SPDX-License-Identifier: ISC
#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

#include <stdbool.h>

#define ANSWER "YES\r\n"
enum { QUESTION_MAX = 4096 };

/* Both say ANSWER and close the descriptor, whatever happens. */

/* send, close: two segments, the answer and the FIN. */
void answer_plain(int fd);

/*
 * One segment: the answer is held back until the FIN joins it. What the client sent too much is
 * drained first, up to a bound: closing over unread octets sends a reset, and that can overtake the
 * answer.
 */
void answer_best(int fd);

/*
 * Reads the question (and ignores it), then has `answer` answer. Returns false if nothing has come
 * yet, and the descriptor is still open and to be waited for; true if the connection is over.
 */
bool answer_question(int fd, void (*answer)(int fd));

#endif
