// SPDX-License-Identifier: ISC
#include "command/watch.h"

#include <stdlib.h>
#include <string.h>

struct watch_queue_line {
    uint64_t time;   /* of the event */
    uint64_t came;   /* Unix milliseconds */
    uint64_t number; /* among all lines: what has the same time goes as it came */
    char *text;
};

void watch_queue_free(struct watch_queue *queue)
{
    watch_queue_keep(queue, 0);
    free(queue->lines);
    *queue = (struct watch_queue){.count = 0};
}

bool watch_queue_add(struct watch_queue *queue, char *text, uint64_t time, uint64_t now)
{
    if (queue->count == queue->size) {
        const size_t size = queue->size > 0 ? 2 * queue->size : 256;
        struct watch_queue_line *lines = reallocarray(queue->lines, size, sizeof *lines);
        if (lines == NULL) {
            free(text);
            return false;
        }
        queue->lines = lines;
        queue->size = size;
    }
    queue->lines[queue->count++] = (struct watch_queue_line){time, now, queue->taken++, text};
    return true;
}

static int watch_queue_compare(const void *left, const void *right)
{
    const struct watch_queue_line *a = left;
    const struct watch_queue_line *b = right;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static void watch_queue_sort(struct watch_queue *queue)
{
    if (queue->count > 1)
        qsort(queue->lines, queue->count, sizeof *queue->lines, watch_queue_compare);
}

static void watch_queue_drop(struct watch_queue *queue, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(queue->lines[i].text);
    queue->count -= count;
    if (count > 0 && queue->count > 0)
        memmove(queue->lines, queue->lines + count, queue->count * sizeof *queue->lines);
}

void watch_queue_keep(struct watch_queue *queue, size_t most)
{
    watch_queue_sort(queue);
    watch_queue_drop(queue, queue->count > most ? queue->count - most : 0);
}

void watch_queue_write(struct watch_queue *queue, uint64_t now, FILE *out)
{
    size_t due = 0;

    watch_queue_sort(queue);
    for (size_t i = 0; i < queue->count; i++) {
        const struct watch_queue_line *line = &queue->lines[i];
        if (line->time + WATCH_QUEUE_HOLD <= now || line->came + WATCH_QUEUE_HOLD <= now)
            due = i + 1;
    }
    for (size_t i = 0; i < due; i++)
        fputs(queue->lines[i].text, out);
    watch_queue_drop(queue, due);
}
