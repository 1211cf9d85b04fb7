// SPDX-License-Identifier: ISC
#include "command/terminal.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "protocol/text.h"

#define WIDTH_USUAL 80
#define WIDTH_LEAST 40
#define WIDTH_MOST 1000

bool terminal_take_width(
        const struct invocation *invocation, const char *option, unsigned *columns_r)
{
    struct winsize size = {0};
    uint64_t columns = 0;

    if (option == NULL) {
        *columns_r = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
                                     size.ws_col > 0
                             ? size.ws_col
                             : WIDTH_USUAL;
        return true;
    }
    if (!text_decimal(text_of(option), WIDTH_MOST, &columns) || columns < WIDTH_LEAST) {
        command_complain(invocation, "--width %s: expected a number from %d to %d", option,
                WIDTH_LEAST, WIDTH_MOST);
        return false;
    }
    *columns_r = (unsigned)columns;
    return true;
}

bool terminal_has_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    const char *kind = getenv("TERM");

    return isatty(STDOUT_FILENO) && (no_colour == NULL || no_colour[0] == '\0') &&
           (kind == NULL || strcmp(kind, "dumb") != 0);
}

bool terminal_is_utf8(void)
{
    locale_t locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);

    if (locale == (locale_t)0)
        return false;
    const bool is_utf8 = strcmp(nl_langinfo_l(CODESET, locale), "UTF-8") == 0;
    freelocale(locale);
    return is_utf8;
}
