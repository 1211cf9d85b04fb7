// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_COMMAND_ROTATE_H
#define VERIMAIL_COMMAND_ROTATE_H

#include "base/keyfolder.h"
#include "command/command.h"
#include "protocol/key.h"

/* Rotation of keys: rotate.c has the command, rotate_service.c and rotate_host.c what it does with
 * each kind of key, rotate_old.c what becomes of old ones. Each step may be the last one that a
 * process takes: running it again finishes what was begun. */
struct rotation {
    const struct invocation *invocation;
    struct problems *problems;
    struct config *config;
    const char *user;  /* whom a service elsewhere is asked about; NULL: postmaster */
    uint64_t unix_now; /* seconds */
    uint64_t keep;     /* seconds that an old key must stay after its last use */
    bool prepares;     /* stop before the new key is used: other services have to get it, too */
    bool yes;          /* use the new key of a host although its service cannot be asked */
    bool unattended; /* a timer runs it: nobody reads what is printed, no other machine is asked */
};

enum status rotate_service(const struct rotation *rotation);
enum status rotate_host(const struct rotation *rotation);
/* Takes the public key of another machine: of `host`, or, if that is NULL, of the service. */
enum status rotate_accept(const struct rotation *rotation, const char *host, const char *key);
/* Removes the keys whose stamps are all past. */
enum status rotate_remove_old(const struct rotation *rotation);

/* Reloads a daemon of this machine, and waits for the service. One that does not run reads the keys
 * when it starts. */
enum status rotate_reload(const struct rotation *rotation, const char *program);
/* What a person has to do elsewhere: printed, or, unattended, an alarm in the log. */
void rotate_tell(const struct rotation *rotation, const char *subject, const char *because,
        const char *command);
/* A line about a step that was taken. */
void rotate_say(const struct rotation *rotation, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Says how to make the folder that the option of a key must name: the service's or the host's.
 * `user` must be able to read it. */
void rotate_complain_no_folder(const struct rotation *rotation, bool is_service, const char *user,
        const struct config_text *key);

/* A key and where it is. */
struct rotate_key {
    char *path; /* of its file; NULL: it stands in the configuration */
    unsigned char public[KEY_OCTETS];
    char text[KEY_TEXT_MAX + 1]; /* of the public half */
    uint64_t since;              /* Unix seconds: when the file was written; 0: not known */
};

struct rotate_keys {
    struct rotate_key *at; /* newest first, in the order of the configuration */
    size_t count;
    char *folder; /* the first one that the option names; NULL: none */
};

/* The keys that an option names. `kind`: of what its files have. Of secret keys the public halves
 * are read. Zero the keys before, and call rotate_keys_free() in any case. */
enum status rotate_keys_read(const struct rotation *rotation, const struct config_list *option,
        enum key_kind kind, struct rotate_keys *keys);
void rotate_keys_free(struct rotate_keys *keys);
/* NULL: none of them is that. */
const struct rotate_key *rotate_keys_find(const struct rotate_keys *keys, const char *text);

/* The section `host` of this name, or NULL. */
const struct config_host *rotate_host_section(const struct config *config, const char *name);

/* The rotation that is under way in a folder: a file in it says which key was the newest before. */
struct rotate_mark {
    int lock; /* on the folder, against a second process */
    char path[4096];
    char before[KEY_TEXT_MAX + 1]; /* "": no rotation was under way */
};

/* Locks the folder and reads its mark. */
enum status rotate_mark_open(
        const struct rotation *rotation, const char *folder, struct rotate_mark *mark_r);
enum status rotate_mark_set(
        const struct rotation *rotation, struct rotate_mark *mark, const char *before);
enum status rotate_mark_remove(const struct rotation *rotation, struct rotate_mark *mark);
void rotate_mark_close(struct rotate_mark *mark);

/* Writes a file with a public key, unless it is there. */
enum status rotate_write_public(
        const struct rotation *rotation, const char *path, const char *text, const char *folder);
/* Makes a new key in the folder of `keys` under the name of this moment and `suffix`. That name
 * must sort behind those of the keys: a clock that was put back would make an old one. */
enum status rotate_make(const struct rotation *rotation, const struct rotate_keys *keys,
        enum key_kind kind, const char *suffix);

#endif
