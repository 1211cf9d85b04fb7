// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <string.h>

#include "command/arguments.h"
#include "command/escape.h"
#include "command/json_text.h"
#include "config/problems.h"
#include "config/section.h"

#define INDENT 4

static const void *value_at(const struct option *option, const void *values)
{
    return (const char *)values + option->offset;
}

/* The file does not have it and it has no default: the section goes without. */
static bool is_unset(const struct option *option, const void *values)
{
    bool given = false;
    uint64_t number = 0;

    if (option->is_list && option->given == 0)
        return false;
    if (option->is_list) {
        memcpy(&given, (const char *)values + option->given, sizeof given);
        return !given;
    }
    if (option->type->value == OPTION_TYPE_NUMBER)
        memcpy(&number, value_at(option, values), sizeof number);
    switch (option->type->value) {
    case OPTION_TYPE_TEXT:
        return ((const struct config_text *)value_at(option, values))->at == NULL;
    case OPTION_TYPE_NUMBER:
        return number < option->type->min;
    case OPTION_TYPE_BOOL:
        break;
    }
    return false;
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

static void print_option(const struct option *option, const void *values, int indent)
{
    char buffer[OPTION_TYPE_PRINT_MAX];

    if (is_unset(option, values)) {
        printf("%*s# %s is not set\n", indent, "", option->name);
        return;
    }
    if (option->type->print == NULL) {
        printf("%*s# %s is set, and is a secret\n", indent, "", option->name);
        return;
    }
    printf("%*s%s = ", indent, "", option->name);
    if (option->is_list) {
        print_list(value_at(option, values));
    } else {
        const char *text = option->type->print(value_at(option, values), buffer);
        if (option->type->value == OPTION_TYPE_TEXT)
            escape_quoted(stdout, text_of(text));
        else
            fputs(text, stdout);
    }
    putchar('\n');
}

static const char *title_of(const struct section *section, const void *values)
{
    const struct config_text *title = (const void *)((const char *)values + section->title_offset);

    return section->title != NULL ? title->at : NULL;
}

static void showconfig_print_sections(const struct section *around, const void *parent, int indent);

static void showconfig_print_section(const struct section *section, const void *values, int indent)
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
    showconfig_print_sections(section, values, indent + INDENT);
    printf("%*s}\n", indent, "");
}

static void showconfig_print_sections(const struct section *around, const void *parent, int indent)
{
    for (const struct section *s = around->within; s != NULL && s->name != NULL; s++) {
        const char *array = section_array(s, parent);
        for (size_t i = 0; i < section_count(s, parent); i++)
            showconfig_print_section(s, array + i * s->size, indent);
    }
}

static json_t *list_json(const struct config_list *list)
{
    json_t *array = json_text_array();

    for (size_t i = 0; i < list->count; i++)
        json_text_append(array, json_text_string(list->at[i].at));
    return array;
}

static json_t *option_json(const struct option *option, const void *values)
{
    const struct option_type *type = option->type;
    const void *at = value_at(option, values);
    char buffer[OPTION_TYPE_PRINT_MAX];

    if (is_unset(option, values))
        return json_null();
    if (option->is_list)
        return list_json(at);
    if (type->print == NULL)
        return json_text_string(PROBLEMS_STARS);
    if (type->value == OPTION_TYPE_TEXT || type->is_text_in_json)
        return json_text_string(type->print(at, buffer));
    if (type->value == OPTION_TYPE_BOOL)
        return json_boolean(*(const bool *)at);
    return json_text_number(*(const uint64_t *)at);
}

static void set_sections(json_t *object, const struct section *around, const void *parent);

static json_t *section_json(const struct section *section, const void *values)
{
    json_t *object = json_text_object();

    for (const struct option *o = section->options; o->name != NULL; o++)
        json_text_set(object, o->name, option_json(o, values));
    set_sections(object, section, values);
    return object;
}

/* Sections with titles are members of one object. The others, of which there is one, stand alone.
 */
static void set_sections(json_t *object, const struct section *around, const void *parent)
{
    for (const struct section *s = around->within; s != NULL && s->name != NULL; s++) {
        const char *array = section_array(s, parent);
        const bool has_title = section_count(s, parent) > 0 && title_of(s, array) != NULL;
        json_t *titled = s->title != NULL && (has_title || !s->title_is_optional)
                                 ? json_text_object()
                                 : NULL;
        for (size_t i = 0; i < section_count(s, parent); i++) {
            const char *values = array + i * s->size;
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
        set_sections(document, &section_root, config);
        json_text_print(stdout, document);
    } else if (config != NULL) {
        showconfig_print_sections(&section_root, config, 0);
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
                "written out but relayed_mark, a secret. Key files are not opened.\n",
        .run = showconfig_run,
};
