// SPDX-License-Identifier: ISC
#include "answer.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DRAINS_MAX = 4 };

void answer_plain(int fd)
{
    send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL);
    close(fd);
}

void answer_best(int fd)
{
    send(fd, ANSWER, sizeof ANSWER - 1, MSG_NOSIGNAL | MSG_MORE);
    shutdown(fd, SHUT_WR);
    char rest[QUESTION_MAX];
    for (int i = 0; i < DRAINS_MAX; i++) {
        if (recv(fd, rest, sizeof rest, 0) <= 0)
            break;
    }
    close(fd);
}

bool answer_question(int fd, void (*answer)(int fd))
{
    char question[QUESTION_MAX];
    ssize_t got = recv(fd, question, sizeof question, 0);
    if (got > 0) {
        answer(fd);
        return true;
    }
    if (got < 0 && errno == EAGAIN)
        return false;
    close(fd);
    return true;
}
