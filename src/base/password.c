// SPDX-License-Identifier: ISC
#include "base/password.h"

#include <sodium.h>
#include <string.h>

#include "base/keyfile.h"

#define BLOT_LEAST 4 /* octets */

char *password_load(const char *path, const char **error_r)
{
    size_t len = 0;
    char *content = keyfile_load(path, &len, error_r);

    if (content == NULL)
        return NULL;
    if (len == KEYFILE_MAX) {
        *error_r = "is too long";
    } else {
        content[len] = '\0';
        const size_t first = strcspn(content, "\r\n");
        const size_t end = first + strspn(content + first, "\r\n");
        if (first == 0)
            *error_r = "is empty";
        else if (end != len)
            *error_r = "is not one line";
        content[first] = '\0';
    }
    if (*error_r == NULL)
        return content;
    sodium_free(content);
    return NULL;
}

void password_blot(char *text, const char *password)
{
    const size_t len = password != NULL ? strlen(password) : 0;

    if (len < BLOT_LEAST)
        return;
    while ((text = strstr(text, password)) != NULL) {
        memset(text, '*', len);
        text += len;
    }
}
