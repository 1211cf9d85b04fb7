// SPDX-License-Identifier: ISC
#include "config/parser.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/section.h"
#include "config/shown.h"

#define DEPTH_MAX 2    /* user in domain */
#define OPTIONS_MAX 24 /* in one section; a table with more is not taken */

/* libconfuse makes a section that may come once as soon as it opens the one around it, and notes
 * the line: one of these in each section tells where that begins. It is nobody's to write. */
#define OPENING 0 /* its place among the options */
#define OPENING_NAME "|"

/* What came for an option. */
struct seen {
    unsigned values;
    bool fresh; /* the last of them has just come */
    bool ended; /* so has its list's closing brace */
};

/* A section of the file that is being read: libconfuse calls for each value as it comes, which is
 * the only time at which its line is known. */
struct frame {
    const cfg_t *cfg;
    const struct section *section;
    void *values;
    struct seen seen[OPTIONS_MAX];
};

static struct reading {
    struct problems *problems;
    struct config *config;
    struct frame open[DEPTH_MAX];
    size_t depth;
    bool memory; /* was short */
} reading;

static const struct section *find_section(const struct section *among, const char *name)
{
    for (const struct section *s = among; s != NULL && s->name != NULL; s++) {
        if (strcmp(s->name, name) == 0)
            return s;
        const struct section *inner = find_section(s->within, name);
        if (inner != NULL)
            return inner;
    }
    return NULL;
}

static void __attribute__((format(printf, 2, 0)))
parser_on_error(cfg_t *cfg, const char *format, va_list args)
{
    char what[512];

    vsnprintf(what, sizeof what, format, args);
    problems_add(reading.problems, (unsigned)cfg->line, what, NULL, NULL);
}

static void problem(
        cfg_t *cfg, const char *option, const char *what, const char *value, const char *expected)
{
    char sentence[128];

    snprintf(sentence, sizeof sentence, "%s %s", what, option);
    problems_add(reading.problems, (unsigned)cfg->line, sentence, value, expected);
}

/* What is wrong with a value: errors are read, and logged, where the file is not. */
static void parser_refuse(cfg_t *cfg, const struct kind *kind, const char *name, const char *what,
        const char *value, const char *expected)
{
    char room[SHOWN_MAX];

    problem(cfg, name, what, kind->hides ? SHOWN_STARS : shown(value, room), expected);
}

/* Reads a title or a text or a number into its place in a struct. */
static void parser_take(
        cfg_t *cfg, const struct kind *kind, const char *name, const char *value, void *at)
{
    if (!kind->take(kind, value, at))
        parser_refuse(cfg, kind, name, "bad", value, kind->expected);
    if (kind->is_text)
        ((struct config_text *)at)->line = (unsigned)cfg->line;
}

static struct frame *frame_of(cfg_t *cfg)
{
    struct frame *top = reading.depth > 0 ? &reading.open[reading.depth - 1] : NULL;

    if (top != NULL && top->cfg == cfg)
        return top;
    const struct section *section = find_section(sections, cfg_name(cfg));
    void *values = section != NULL && reading.depth < DEPTH_MAX ? calloc(1, section->size) : NULL;
    if (values == NULL || !section_defaults(section, values)) {
        if (values != NULL)
            section_clear(section, values);
        free(values);
        reading.memory = true;
        return NULL;
    }
    top = &reading.open[reading.depth++];
    *top = (struct frame){.cfg = cfg, .section = section, .values = values};
    if (section->title != NULL)
        parser_take(cfg_opt_getnsec(&cfg->opts[OPENING], 0), section->title, section->name,
                cfg_title(cfg), (char *)values + section->title_offset);
    return top;
}

/* A name with a `|` in it reaches into another section. */
static bool parser_is_own(cfg_t *cfg, cfg_opt_t *opt)
{
    for (const cfg_opt_t *o = cfg->opts; o->name != NULL; o++)
        if (o == opt)
            return true;
    problem(cfg, cfg_opt_name(opt), "out of place:", NULL, "it in its own section");
    return false;
}

static void take_item(cfg_t *cfg, const struct option *option, const char *value, void *values)
{
    struct config_list *list = (void *)((char *)values + option->offset);
    struct config_text text = {0};

    parser_take(cfg, option->kind, option->name, value, &text);
    if (text.at == NULL) {
        list->refused = true;
    } else if (!config_list_add(list, text)) {
        free(text.at);
        reading.memory = true;
    }
}

static void take_scalar(cfg_t *cfg, const struct option *option, const char *value, void *values)
{
    void *at = (char *)values + option->offset;

    if (option->kind->is_text) {
        free(((struct config_text *)at)->at);
        *(struct config_text *)at = (struct config_text){0};
    }
    parser_take(cfg, option->kind, option->name, value, at);
}

/* A value comes; what is wrong with it is said here. libconfuse keeps the text, and counts. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *text_r)
{
    struct frame *frame = parser_is_own(cfg, opt) ? frame_of(cfg) : NULL;

    if (frame == NULL)
        return -1;
    memcpy(text_r, &value, sizeof value);
    const struct option *option = section_option(frame->section, cfg_opt_name(opt));
    struct seen *seen = &frame->seen[option - frame->section->options];
    const unsigned n = cfg_opt_size(opt);
    if (seen->ended || n <= seen->values) {
        parser_refuse(cfg, option->kind, option->name, "a second", value, "it once");
        return 0;
    }
    seen->values = n;
    seen->fresh = true;
    if (option->is_list && n == 1)
        config_list_free((void *)((char *)frame->values + option->offset));
    if (option->is_list)
        take_item(cfg, option, value, frame->values);
    else
        take_scalar(cfg, option, value, frame->values);
    return 0;
}

/* After each value, and once more at a list's closing brace. */
static int on_taken(cfg_t *cfg, cfg_opt_t *opt)
{
    struct frame *frame = frame_of(cfg);

    if (frame == NULL)
        return -1;
    const struct option *option = section_option(frame->section, cfg_opt_name(opt));
    struct seen *seen = &frame->seen[option - frame->section->options];
    seen->ended = !seen->fresh;
    seen->fresh = false;
    return 0;
}

/* `hosts = {}` calls nobody: it shows once its section has ended, in a flag, and in the values that
 * it took from a list before it. */
static void note_empty(const struct frame *frame, cfg_t *cfg)
{
    for (size_t i = 0; frame->section->options[i].name != NULL; i++) {
        const struct option *option = &frame->section->options[i];
        cfg_opt_t *opt = cfg_getopt(cfg, option->name);
        const bool given = (opt->flags & CFGF_MODIFIED) != 0;
        if (option->given != 0)
            *((bool *)frame->values + option->given) = given;
        if (option->is_list && given && cfg_opt_size(opt) == 0)
            config_list_free((void *)((char *)frame->values + option->offset));
        if (cfg_opt_size(opt) < frame->seen[i].values)
            problem(cfg, option->name, "a second", "{}", "it once");
    }
}

/* The end of a section; `cfg` is its parent. */
static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
    const unsigned n = cfg_opt_size(opt);
    cfg_t *ended = cfg_opt_getnsec(opt, n - 1);
    struct frame *frame = parser_is_own(cfg, opt) ? frame_of(ended) : NULL;

    if (frame == NULL)
        return -1;
    note_empty(frame, ended);
    *(unsigned *)frame->values = (unsigned)ended->line;
    const struct frame done = *frame;
    reading.depth--;
    if (done.section->title == NULL && n > 1)
        problem(ended, done.section->name, "a second section", NULL, "it once");
    void *parent = reading.config;
    if (find_section(sections, cfg_name(cfg)) != NULL) {
        struct frame *outer = frame_of(cfg);
        parent = outer != NULL ? outer->values : NULL;
    }
    if (parent == NULL || !section_append(done.section, done.values, parent)) {
        section_clear(done.section, done.values);
        reading.memory = true;
    }
    free(done.values);
    return reading.memory ? -1 : 0;
}

static int on_opening(cfg_t *cfg, cfg_opt_t *opt)
{
    problem(cfg, cfg_opt_name(opt), "no such section:", NULL, NULL);
    return -1;
}

static size_t count_options(const struct section *section)
{
    size_t n = 0;

    while (section->options[n].name != NULL)
        n++;
    return n;
}

static size_t count_sections(const struct section *among)
{
    size_t n = 0;

    while (among != NULL && among[n].name != NULL)
        n++;
    return n;
}

static void free_tables(cfg_opt_t *opts)
{
    for (cfg_opt_t *opt = opts; opt != NULL && opt->name != NULL; opt++)
        if (opt->type == CFGT_SEC)
            free_tables(opt->subopts);
    free(opts);
}

static cfg_opt_t *parser_make_tables(const struct section *self, const struct section *among);

static bool make_section(const struct section *section, cfg_opt_t *opt_r)
{
    cfg_opt_t *inside = parser_make_tables(section, section->within);
    cfg_flag_t flags = CFGF_MULTI | CFGF_NODEFAULT;

    if (section->title != NULL)
        flags |= CFGF_TITLE | CFGF_NO_TITLE_DUPES;
    const cfg_opt_t opt = CFG_SEC(section->name, inside, flags);
    *opt_r = opt;
    opt_r->validcb = on_section;
    return inside != NULL;
}

static cfg_opt_t make_option(const struct option *option)
{
    const cfg_opt_t one = CFG_STR(option->name, NULL, CFGF_NODEFAULT);
    const cfg_opt_t many = CFG_STR_LIST(option->name, NULL, CFGF_NODEFAULT);
    cfg_opt_t opt = option->is_list ? many : one;

    opt.parsecb = on_value;
    opt.validcb = on_taken;
    return opt;
}

/* libconfuse's tables made of ours. It reads every value as a text, and so never judges one. */
static cfg_opt_t *parser_make_tables(const struct section *self, const struct section *among)
{
    const size_t options = self != NULL ? count_options(self) : 0;
    const size_t inner = count_sections(among);
    cfg_opt_t *opts = calloc(1 + options + inner + 1, sizeof *opts);
    cfg_opt_t *nothing = calloc(1, sizeof *nothing);
    const cfg_opt_t opening = CFG_SEC(OPENING_NAME, nothing, CFGF_NONE);
    bool ok = opts != NULL && nothing != NULL && options <= OPTIONS_MAX;

    if (!ok) {
        free(opts);
        free(nothing);
        return NULL;
    }
    opts[OPENING] = opening;
    opts[OPENING].validcb = on_opening;
    for (size_t i = 0; i < options; i++)
        opts[1 + i] = make_option(&self->options[i]);
    for (size_t i = 0; ok && i < inner; i++)
        ok = make_section(&among[i], &opts[1 + options + i]);
    if (!ok) {
        free_tables(opts);
        return NULL;
    }
    return opts;
}

/* What a syntax error left open. */
static void drop_open(void)
{
    while (reading.depth > 0) {
        const struct frame *frame = &reading.open[--reading.depth];
        section_clear(frame->section, frame->values);
        free(frame->values);
    }
}

struct config *reading_do(const char *text, struct problems *problems)
{
    cfg_opt_t *tables = parser_make_tables(NULL, sections);
    cfg_t *cfg = tables != NULL ? cfg_init(tables, CFGF_NONE) : NULL;

    reading = (struct reading){.problems = problems, .config = calloc(1, sizeof(struct config))};
    if (cfg == NULL || reading.config == NULL) {
        reading.memory = true;
    } else {
        cfg_set_error_function(cfg, parser_on_error);
        const size_t before = problems_count(problems);
        errno = 0;
        const int result = cfg_parse_buf(cfg, text);
        if (result != CFG_SUCCESS && problems_count(problems) == before) {
            reading.memory = reading.memory || errno == ENOMEM;
            if (!reading.memory)
                problems_add(problems, 0, "an option whose name is empty", NULL, "a name");
        }
        if (result != CFG_SUCCESS)
            config_free(&reading.config);
    }
    drop_open();
    if (reading.memory) {
        problems_add(problems, 0, "out of memory", NULL, NULL);
        config_free(&reading.config);
    }
    cfg_free(cfg);
    free_tables(tables);
    return reading.config;
}
