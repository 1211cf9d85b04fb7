// SPDX-License-Identifier: ISC
/* A filter that is told everything and adds one field: what the milter protocol itself costs.
 * usage: trivialmilter SOCKET */
#include <libmilter/mfapi.h>
#include <stdlib.h>

static sfsistat go_on(SMFICTX *context)
{
    (void)context;
    return SMFIS_CONTINUE;
}

static sfsistat on_connect(SMFICTX *context, char *name, _SOCK_ADDR *address)
{
    (void)name, (void)address;
    return go_on(context);
}

static sfsistat on_words(SMFICTX *context, char **words)
{
    (void)words;
    return go_on(context);
}

static sfsistat on_field(SMFICTX *context, char *name, char *value)
{
    (void)name, (void)value;
    return go_on(context);
}

static sfsistat on_body(SMFICTX *context, unsigned char *at, size_t len)
{
    (void)at, (void)len;
    return go_on(context);
}

static sfsistat on_end(SMFICTX *context)
{
    static char name[] = "X-Trivial";
    static char value[] = "yes";

    return smfi_insheader(context, 0, name, value) == MI_SUCCESS ? SMFIS_CONTINUE : SMFIS_TEMPFAIL;
}

int main(int argc, char **argv)
{
    static char name[] = "trivial";
    struct smfiDesc description = {
            .xxfi_name = name,
            .xxfi_version = SMFI_VERSION,
            .xxfi_flags = SMFIF_ADDHDRS,
            .xxfi_connect = on_connect,
            .xxfi_envfrom = on_words,
            .xxfi_envrcpt = on_words,
            .xxfi_header = on_field,
            .xxfi_eoh = go_on,
            .xxfi_body = on_body,
            .xxfi_eom = on_end,
            .xxfi_abort = go_on,
            .xxfi_close = go_on,
    };

    if (argc != 2 || smfi_register(description) != MI_SUCCESS ||
            smfi_setconn(argv[1]) != MI_SUCCESS)
        return EXIT_FAILURE;
    return smfi_main() == MI_SUCCESS ? EXIT_SUCCESS : EXIT_FAILURE;
}
