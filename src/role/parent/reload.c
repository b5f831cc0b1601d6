/* reload.c: the configuration again, on SIGHUP.
 *
 * The file is read and checked whole before anything changes; a bad one leaves
 * the old one in force, and the log says line and reason. */
#define _GNU_SOURCE
#include "base/log.h"
#include "role/parent/parent.h"

#include <time.h>

/* Name what a reload cannot change, take over what it can. */
static err_t take_over(struct parent *p, const struct options *fresh)
{
	struct buf same = buf_make(OPTIONS_FILE_MAX);
	err_t err = ERR_OK;

	for (unsigned i = 0; i < OPT_COUNT; i++) {
		const struct option_row *row = option_row((enum option_id)i);
		struct bytes now = bytes_str(options_text(&p->options, (enum option_id)i));
		struct bytes then = bytes_str(options_text(fresh, (enum option_id)i));

		if (bytes_equal(now, then))
			continue;
		if (row->reloads)
			TRY(options_set(&p->options, bytes_str(row->name), then));
		else
			log_event(LOG_WARN, "needs a restart", "option=%s", row->name);
	}
	for (size_t i = 0; i < p->children_n; i++) {
		struct child *c = &p->children[i];

		buf_clear(&same);
		TRY(options_write(&p->options, c->role, true, &same));
		child_send(c, MSG_RELOAD, bytes_of_buf(&same));
	}
out:
	buf_free(&same);
	return err;
}

void reload_log_level(const struct parent *p)
{
	enum log_level level;

	if (log_level_parse(bytes_str(options_text(&p->options, OPT_log_level)), &level) == ERR_OK)
		log_level_set(level);
}

static void notify_reloading(void)
{
	struct timespec t;
	struct buf text = buf_make(80);

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	if (buf_printf(&text, "RELOADING=1\nMONOTONIC_USEC=%lld",
	               (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000) == ERR_OK &&
	    buf_add_byte(&text, 0) == ERR_OK)
		notify_send((const char *)text.p);
	buf_free(&text);
}

void reload(struct parent *p)
{
	struct options fresh = { 0 };
	char where[300] = "";
	err_t err;

	notify_reloading();
	TRY(node_read_options(p, &fresh, where, sizeof(where)));
	TRY(take_over(p, &fresh));
	reload_log_level(p);
	log_event(LOG_NOTE, "configuration reloaded", "path=%s/holdfast.conf", p->node.path);
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "configuration refused", "the old one stays in force; %s",
		          *where ? where : err_text(err));
	options_free(&fresh);
	notify_send("READY=1");
}
