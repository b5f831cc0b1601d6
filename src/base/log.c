/* log.c: one line per event, on standard error. */
#include "base/log.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const level_names[] = { "error", "warn", "note", "info", "debug" };
static const int journal_levels[] = { 3, 4, 5, 6, 7 };
static const char *log_role = "holdfast";
static enum log_level log_limit = LOG_NOTE;
static bool log_journal;
static unsigned log_lost; /* lines, since the last one that was taken */

void log_open(const char *role)
{
	log_role = role;
	log_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_level_set(enum log_level level)
{
	log_limit = level;
}

err_t log_level_parse(struct bytes name, enum log_level *out)
{
	for (size_t i = 0; i < COUNT_OF(level_names); i++) {
		if (bytes_equal(name, bytes_str(level_names[i]))) {
			*out = (enum log_level)i;
			return ERR_OK;
		}
	}
	return ERR_SYNTAX;
}

/* Copy text into line, each unprintable octet as \xNN. */
static size_t log_escape(char *line, size_t size, const char *text, size_t n)
{
	size_t at = 0;

	for (size_t i = 0; i < n && at + 5 < size; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c >= 0x20 && c <= 0x7e)
			line[at++] = (char)c;
		else
			at += (size_t)snprintf(line + at, size - at, "\\x%02x", c);
	}
	return at;
}

void log_event(enum log_level level, const char *event, const char *fmt, ...)
{
	char text[700], line[1024], stamp[CLOCK_STAMP_LENGTH + 1], lost[32] = "";
	va_list ap;
	size_t at;
	int head;

	if (level > log_limit)
		return;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	clock_stamp(clock_now(), stamp);
	if (log_lost)
		(void)snprintf(lost, sizeof(lost), "after %u lost lines: ", log_lost);
	if (log_journal)
		head = snprintf(line, 200, "<%d>%s: %s: %s", journal_levels[level], log_role, event, lost);
	else
		head = snprintf(line, 200, "%s %-5s %s: %s: %s", stamp, level_names[level], log_role, event, lost);
	at = (size_t)(head < 199 ? head : 199);
	at += log_escape(line + at, sizeof(line) - at - 1, text, bytes_str(text).n);
	line[at++] = '\n';
	/* One write, so that lines of several processes do not mix. A reader that does not keep up
	 * loses lines, and is told how many. */
	log_lost = write(STDERR_FILENO, line, at) < 0 ? log_lost + 1 : 0;
}
