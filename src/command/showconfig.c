// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "command/arguments.h"
#include "command/escape.h"
#include "command/json_text.h"
#include "config/section.h"

#define INDENT 4

static bool is_duration(const struct kind *kind)
{
    return kind == &kind_lifetime || kind == &kind_ttl || kind == &kind_timeout ||
           kind == &kind_keep || kind == &kind_patience;
}

static uint64_t showconfig_number_at(const struct option *option, const char *values)
{
    uint64_t number;

    memcpy(&number, values + option->offset, sizeof number);
    return number;
}

static const struct config_list *list_at(const struct option *option, const char *values)
{
    return (const void *)(values + option->offset);
}

static const char *showconfig_text_at(const struct option *option, const char *values)
{
    const struct config_text *text = (const void *)(values + option->offset);

    return text->at;
}

/* Whether the file says nothing of it and there is no default: the section goes without it. */
static bool is_unset(const struct option *option, const char *values)
{
    bool given = false;

    if (option->given > 0)
        memcpy(&given, values + option->given, sizeof given);
    if (option->is_list)
        return option->given > 0 && !given;
    if (option->kind->is_text)
        return showconfig_text_at(option, values) == NULL;
    return option->kind != &kind_bool && showconfig_number_at(option, values) < option->kind->min;
}

static bool bool_at(const struct option *option, const char *values)
{
    bool truth;

    memcpy(&truth, values + option->offset, sizeof truth);
    return truth;
}

static void print_duration(uint64_t seconds)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    size_t i = 0;

    while (seconds % units[i].seconds != 0 || seconds < units[i].seconds) {
        if (units[i].seconds == 1)
            break;
        i++;
    }
    printf("%llu%c", (unsigned long long)(seconds / units[i].seconds), units[i].letter);
}

static void print_list(const struct config_list *list)
{
    putchar('{');
    for (size_t i = 0; i < list->count; i++) {
        fputs(i > 0 ? ", " : "", stdout);
        escape_quoted(stdout, text_of(list->at[i].at));
    }
    putchar('}');
}

static void print_option(const struct option *option, const char *values, int indent)
{
    if (is_unset(option, values)) {
        printf("%*s# %s is not set\n", indent, "", option->name);
        return;
    }
    printf("%*s%s = ", indent, "", option->name);
    if (option->is_list)
        print_list(list_at(option, values));
    else if (option->kind->is_text)
        escape_quoted(stdout, text_of(showconfig_text_at(option, values)));
    else if (option->kind == &kind_bool)
        fputs(bool_at(option, values) ? "true" : "false", stdout);
    else if (is_duration(option->kind))
        print_duration(showconfig_number_at(option, values));
    else if (option->kind == &kind_socket_mode)
        printf("%04llo", (unsigned long long)showconfig_number_at(option, values));
    else
        printf("%llu", (unsigned long long)showconfig_number_at(option, values));
    putchar('\n');
}

static const char *title_of(const struct section *section, const char *values)
{
    const struct config_text *title = (const void *)(values + section->title_offset);

    return section->title != NULL ? title->at : NULL;
}

static size_t count_of(const struct section *section, const char *parent)
{
    size_t count;

    memcpy(&count, parent + section->count, sizeof count);
    return count;
}

static const char *nth(const struct section *section, const char *parent, size_t i)
{
    const char *array;

    memcpy(&array, parent + section->array, sizeof array);
    return array + i * section->size;
}

static void showconfig_print_sections(const struct section *within, const char *parent, int indent);

static void showconfig_print_section(const struct section *section, const char *values, int indent)
{
    const char *title = title_of(section, values);

    printf("%*s%s ", indent, "", section->name);
    if (title != NULL) {
        escape_quoted(stdout, text_of(title));
        putchar(' ');
    }
    puts("{");
    for (const struct option *o = section->options; o->name != NULL; o++)
        print_option(o, values, indent + INDENT);
    showconfig_print_sections(section->within, values, indent + INDENT);
    printf("%*s}\n", indent, "");
}

static void showconfig_print_sections(const struct section *within, const char *parent, int indent)
{
    for (const struct section *s = within; s != NULL && s->name != NULL; s++)
        for (size_t i = 0; i < count_of(s, parent); i++)
            showconfig_print_section(s, nth(s, parent, i), indent);
}

static json_t *list_json(const struct config_list *list)
{
    json_t *array = json_text_array();

    for (size_t i = 0; i < list->count; i++)
        json_text_append(array, json_text_string(list->at[i].at));
    return array;
}

/* A mode is what people know in octal, which JSON has no numbers in. */
static json_t *mode_json(uint64_t mode)
{
    char text[24];

    (void)snprintf(text, sizeof text, "%04llo", (unsigned long long)mode);
    return json_text_string(text);
}

static json_t *option_json(const struct option *option, const char *values)
{
    if (is_unset(option, values))
        return json_null();
    if (option->is_list)
        return list_json(list_at(option, values));
    if (option->kind->is_text)
        return json_text_string(showconfig_text_at(option, values));
    if (option->kind == &kind_bool)
        return json_boolean(bool_at(option, values));
    if (option->kind == &kind_socket_mode)
        return mode_json(showconfig_number_at(option, values));
    return json_text_number(showconfig_number_at(option, values));
}

static void set_sections(json_t *object, const struct section *within, const char *parent);

static json_t *section_json(const struct section *section, const char *values)
{
    json_t *object = json_text_object();

    for (const struct option *o = section->options; o->name != NULL; o++)
        json_text_set(object, o->name, option_json(o, values));
    set_sections(object, section->within, values);
    return object;
}

/* Those with titles are members of one object; the others, of which there is one, stand alone. */
static void set_sections(json_t *object, const struct section *within, const char *parent)
{
    for (const struct section *s = within; s != NULL && s->name != NULL; s++) {
        const size_t count = count_of(s, parent);
        json_t *titled = s->title != NULL ? json_text_object() : NULL;
        for (size_t i = 0; i < count; i++) {
            const char *values = nth(s, parent, i);
            if (titled != NULL)
                json_text_set(titled, title_of(s, values), section_json(s, values));
            else
                json_text_set(object, s->name, section_json(s, values));
        }
        if (titled != NULL)
            json_text_set(object, s->name, titled);
    }
}

static enum status showconfig_run(const struct invocation *invocation)
{
    bool as_json = false;
    const struct arguments_option options[] = {{"--json", .flag = &as_json}, {NULL}};
    struct problems *problems = NULL;

    if (!arguments_read(invocation, options, 0, 0, NULL))
        return STATUS_USAGE;
    struct config *config = command_read_config(invocation, &problems);
    const enum status status = config != NULL ? STATUS_OK : STATUS_CONFIG;
    if (config != NULL && as_json) {
        json_t *document = json_text_object();
        set_sections(document, sections, (const char *)config);
        json_text_print(stdout, document);
    } else if (config != NULL) {
        showconfig_print_sections(sections, (const char *)config, 0);
    }
    config_free(&config);
    problems_free(&problems);
    return status;
}

const struct command command_config = {
        .name = "config",
        .synopsis = "[--json]",
        .summary = "check the configuration and print it as it is understood",
        .help = "  --json   print JSON; times are seconds\n"
                "\n"
                "What is printed is a configuration file of the same meaning, with every option\n"
                "written out. Key files are not opened.\n",
        .run = showconfig_run,
};
