// SPDX-License-Identifier: ISC
#include "command/table.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/arguments.h"
#include "users/directory.h"

static const struct command command_table_sync = {
        .name = "table sync", .synopsis = "[NAME...] [--believe]"};

struct syncing {
    const struct invocation *invocation;
    const struct config *config;
    const char *name; /* of the current directory */
    bool believe;
};

static void tell(void *context, const char *sentence)
{
    const struct syncing *syncing = context;

    command_complain(syncing->invocation, "%s: %s", syncing->name, sentence);
}

static enum status status_of(enum directory_result result)
{
    switch (result) {
    case DIRECTORY_OK:
        return STATUS_OK;
    case DIRECTORY_WRONG:
        return STATUS_DATA;
    case DIRECTORY_FEW:
        return STATUS_NO;
    case DIRECTORY_UNWRITTEN:
        return STATUS_CREATE;
    case DIRECTORY_UNREAD:
        break;
    }
    return STATUS_FAILURE;
}

static void print_if(uint64_t count, const char *one, const char *several)
{
    if (count > 0)
        printf("; %" PRIu64 " %s", count, count == 1 ? one : several);
}

static void print_counts(const char *name, const struct directory_counts *counts)
{
    printf("%s: %" PRIu64 " %s, %" PRIu64 " before: %" PRIu64 " added, %" PRIu64
           " changed, %" PRIu64 " removed",
            name, counts->after, counts->after == 1 ? "row" : "rows", counts->before, counts->added,
            counts->changed, counts->removed);
    print_if(counts->pinned, "pinned row left as it is", "pinned rows left as they are");
    print_if(counts->skipped, "value left out that is no address",
            "values left out that are no addresses");
    print_if(counts->without, "entry without an address", "entries without an address");
    putchar('\n');
    fflush(stdout); /* before the messages of the next directory */
}

static enum status sync_one(struct syncing *syncing, const struct config_directory *directory)
{
    const struct directory_notes notes = {tell, syncing};
    char error[DIRECTORY_ERROR_MAX];
    struct directory_counts counts;

    syncing->name = directory->name.at;
    const enum directory_result result =
            directory_sync(directory, syncing->believe, &notes, &counts, error);
    if (result == DIRECTORY_OK)
        print_counts(directory->name.at, &counts);
    else
        command_complain(syncing->invocation, "%s: %s: the table is as it was%s",
                directory->name.at, error,
                result == DIRECTORY_FEW ? "; --believe takes it all the same" : "");
    return status_of(result);
}

static const struct config_directory *table_sync_find(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->directories_count; i++)
        if (strcmp(config->directories[i].name.at, name) == 0)
            return &config->directories[i];
    return NULL;
}

static bool are_known(const struct syncing *syncing, const char *const *names)
{
    bool good = true;

    for (; *names != NULL; names++) {
        if (table_sync_find(syncing->config, *names) != NULL)
            continue;
        command_complain(syncing->invocation,
                "%s: no such directory: expected a section `directory \"%s\"` in %s", *names,
                *names, syncing->invocation->config_path);
        good = false;
    }
    return good;
}

/* Syncs all directories, even if one fails. Returns the first failure's status. */
static enum status sync_all(struct syncing *syncing, const char *const *names)
{
    const size_t count = names[0] == NULL ? syncing->config->directories_count : 0;
    enum status first = STATUS_OK;
    enum status status;

    if (names[0] == NULL && count == 0) {
        command_complain(syncing->invocation, "%s: there is no section `directory`",
                syncing->invocation->config_path);
        return STATUS_CONFIG;
    }
    if (!are_known(syncing, names))
        return STATUS_USAGE;
    for (size_t i = 0; i < count || (count == 0 && names[i] != NULL); i++) {
        status = sync_one(syncing, count > 0 ? &syncing->config->directories[i]
                                             : table_sync_find(syncing->config, names[i]));
        first = first == STATUS_OK ? status : first;
    }
    return first;
}

static enum status table_sync_run(
        const struct invocation *invocation, bool believe, const char *const *names)
{
    struct problems *problems = NULL;
    struct config *config = command_read_config(invocation, &problems);
    struct syncing syncing = {.invocation = invocation, .config = config, .believe = believe};
    enum status status = STATUS_CONFIG;

    (void)signal(SIGPIPE, SIG_IGN); /* a lost server is an ordinary error */
    if (config != NULL)
        status = sync_all(&syncing, names);
    config_free(&config);
    problems_free(&problems);
    return status;
}

enum status table_sync(const struct invocation *invocation, int argc, char **argv)
{
    const struct invocation inner = {&command_table_sync, invocation->config_path, argc, argv};
    const char **names = calloc((size_t)argc + 2, sizeof *names);
    bool believe = false;
    const struct arguments_option options[] = {{"--believe", .flag = &believe}, {NULL}};
    enum status status = STATUS_USAGE;

    if (names == NULL) {
        command_complain(&inner, "out of memory");
        return STATUS_FAILURE;
    }
    if (arguments_read(&inner, options, 0, (size_t)argc + 1, names))
        status = table_sync_run(&inner, believe, names);
    free(names);
    return status;
}
