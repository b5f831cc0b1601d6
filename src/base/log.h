/* log.h: one line per event, on standard error.
 *
 * A line is: level, role, event, then key=value pairs. Values are quoted and
 * every octet outside printable ASCII is escaped, so that no input can forge a
 * line [T17]. No function takes a struct secret; names of persons are not
 * logged. Under a journal (JOURNAL_STREAM) the level is written as <n>. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/bytes.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTE, LOG_INFO, LOG_DEBUG };

/* Say who writes: "core", "gate 1". The string must outlive the process. */
void log_open(const char *role);
void log_level_set(enum log_level level);

/* "error" "warn" "note" "info" "debug" -> level; ERR_SYNTAX. */
err_t log_level_parse(struct bytes name, enum log_level *out) MUST_USE;

/* log_event(LOG_NOTE, "association opened", "credential=%s suite=%s", ...).
 * The formatted text is escaped as a whole: line breaks cannot get through. */
void log_event(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
