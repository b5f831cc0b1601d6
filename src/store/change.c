/* change.c: what the open transaction changed, and the way back.
 *
 * A slot enters the dirty list once. Going back to the mark drops every slot
 * that became dirty after it (the engine still has the old row) and gives those
 * that were dirty before it the state kept in `saved`. Nothing here needs memory
 * on the way back, so giving up cannot fail. */
#include "store/inner.h"

err_t list_room(void *list, size_t n, size_t *cap, size_t size)
{
	void **array = list;
	size_t grown_cap = *cap ? *cap * 2 : 64;
	void *grown;

	if (n < *cap)
		return ERR_OK;
	grown = mem_grow(*array, *cap, grown_cap, size);
	if (!grown)
		return ERR_MEMORY;
	*array = grown;
	*cap = grown_cap;
	return ERR_OK;
}

static bool saved_for_mark(const struct store *s, const struct slot *slot)
{
	return slot->saved_in == s->mark_serial;
}

static bool needs_saving(const struct store *s, const struct slot *slot)
{
	return s->marked && slot->state != SLOT_CLEAN && slot->dirty_at < s->at_mark.dirty_n &&
	       !saved_for_mark(s, slot);
}

static err_t save(struct store *s, struct slot *slot)
{
	err_t err;

	TRY(list_room(&s->saved, s->saved_n, &s->saved_cap, sizeof(*s->saved)));
	s->saved[s->saved_n] = (struct slot_saved){ slot, slot->state, slot->data, slot->index };
	slot->saved_in = s->mark_serial;
	slot->saved_at = s->saved_n++;
out:
	return err;
}

err_t change_slot(struct store *s, struct slot *slot, enum slot_state state)
{
	err_t err = ERR_OK;

	must(s->inside);
	if (needs_saving(s, slot))
		TRY(save(s, slot));
	if (slot->state == SLOT_CLEAN) {
		if (s->dirty_n >= CHANGES_MAX)
			return ERR_LIMIT;
		TRY(list_room(&s->dirty, s->dirty_n, &s->dirty_cap, sizeof(*s->dirty)));
		cache_out_of_lru(s, slot);
		slot->dirty_at = s->dirty_n;
		s->dirty[s->dirty_n++] = slot;
	}
	slot->state = state;
out:
	return err;
}

/* A version no longer shown: freed, unless the mark keeps it. */
static void let_go(struct store *s, struct slot *slot, struct row_data *data)
{
	if (s->marked && saved_for_mark(s, slot) && s->saved[slot->saved_at].data == data)
		return;
	mem_free(data);
}

void change_data(struct store *s, struct slot *slot, struct row_data *data)
{
	struct row_data *old = slot->data;

	must(slot->state != SLOT_CLEAN);
	if (old && data) {
		/* Parent, name and identifier of a row never change. */
		slot->data = data;
	} else {
		(void)cache_detach(s, slot);
		if (data)
			cache_attach(s, slot, data);
	}
	let_go(s, slot, old);
}

static size_t chain_of(uint64_t parent)
{
	return (size_t)(parent * 0x9e3779b97f4a7c15 >> 32) % CHAINS;
}

void change_as_child(struct store *s, struct slot *slot)
{
	struct slot **head = &s->new_children[chain_of(slot->parent)];

	slot->sibling = *head;
	*head = slot;
}

struct slot *change_children(struct store *s, uint64_t parent)
{
	return s->new_children[chain_of(parent)];
}

static void unchain(struct store *s, struct slot *slot)
{
	struct slot **at = &s->new_children[chain_of(slot->parent)];

	while (*at && *at != slot)
		at = &(*at)->sibling;
	if (*at)
		*at = slot->sibling;
}

err_t change_index(struct store *s, struct slot *slot, struct index_change *change)
{
	err_t err;

	must(slot->state != SLOT_CLEAN);
	TRY(list_room(&s->indexed, s->indexed_n, &s->indexed_cap, sizeof(*s->indexed)));
	if (!slot->index)
		s->indexed[s->indexed_n++] = slot;
	change->next = slot->index;
	slot->index = change;
out:
	return err;
}

static void free_index(struct slot *slot, struct index_change *down_to)
{
	while (slot->index != down_to) {
		struct index_change *c = slot->index;

		slot->index = c->next;
		mem_free(c);
	}
}

static void drop_dirty(struct store *s, struct slot *slot)
{
	if (slot->state == SLOT_NEW || slot->state == SLOT_VOID)
		unchain(s, slot);
	free_index(slot, NULL);
	cache_drop(s, slot);
}

static void restore(struct store *s, const struct slot_saved *saved)
{
	struct slot *slot = saved->slot;

	free_index(slot, saved->index);
	slot->state = saved->state;
	slot->saved_in = 0;
	if (slot->data == saved->data)
		return;
	mem_free(cache_detach(s, slot));
	if (saved->data)
		cache_attach(s, slot, saved->data);
}

void change_keep_place(struct store *s, struct counters *out)
{
	*out = (struct counters){ .next_id = s->next_id, .promised = s->promised, .generations = s->generations, .rows = s->rows_change, .dirty_n = s->dirty_n,
		                  .index_n = s->indexed_n, .records_n = s->records_n,
		                  .reseal = s->reseal, .drop_below = s->drop_below, .rewrap = s->rewrap };
	for (int i = 0; i < LOGS; i++) {
		out->log[i].last = s->log[i].last;
		out->log[i].pending_n = s->log[i].pending_n;
		out->log[i].trim = s->log[i].trim;
		out->log[i].octets = s->log[i].pending.n;
	}
}

static void counters_back(struct store *s, const struct counters *to)
{
	s->next_id = to->next_id;
	s->promised = to->promised;
	s->generations = to->generations;
	s->rows_change = to->rows;
	s->reseal = to->reseal;
	s->drop_below = to->drop_below;
	s->rewrap = to->rewrap;
	s->indexed_n = to->index_n;
	records_forget(s, to->records_n);
	for (int i = 0; i < LOGS; i++) {
		s->log[i].last = to->log[i].last;
		s->log[i].pending_n = to->log[i].pending_n;
		s->log[i].trim = to->log[i].trim;
		s->log[i].pending.n = to->log[i].octets;
	}
	bytes_zero(s->skips, sizeof(s->skips));
	bytes_zero(s->childless, sizeof(s->childless));
}

void change_undo(struct store *s)
{
	while (s->saved_n > 0)
		restore(s, &s->saved[--s->saved_n]);
	while (s->dirty_n > s->at_mark.dirty_n)
		drop_dirty(s, s->dirty[--s->dirty_n]);
	counters_back(s, &s->at_mark);
}

void change_unmark(struct store *s)
{
	while (s->saved_n > 0) {
		struct slot_saved *saved = &s->saved[--s->saved_n];

		if (saved->data != saved->slot->data)
			mem_free(saved->data);
	}
}

void change_forget(struct store *s)
{
	change_unmark(s);
	while (s->dirty_n > 0)
		drop_dirty(s, s->dirty[--s->dirty_n]);
	counters_back(s, &s->at_begin);
}

static void settle_slot(struct store *s, struct slot *slot)
{
	free_index(slot, NULL);
	slot->sibling = NULL;
	slot->saved_in = 0;
	if (slot->state == SLOT_DELETED || slot->state == SLOT_VOID) {
		cache_drop(s, slot);
		return;
	}
	slot->state = SLOT_CLEAN;
	cache_into_lru(s, slot);
}

void change_settle(struct store *s)
{
	bytes_zero(s->new_children, sizeof(s->new_children));
	bytes_zero(s->skips, sizeof(s->skips));
	for (size_t i = 0; i < s->dirty_n; i++)
		settle_slot(s, s->dirty[i]);
	s->dirty_n = 0;
	s->indexed_n = 0;
	s->reseal = (struct log_reseal){ 0 };
	s->drop_below = 0;
	s->rewrap = false;
	records_forget(s, 0);
	for (int i = 0; i < LOGS; i++) {
		s->log[i].pending_n = 0;
		s->log[i].trim = 0;
		buf_clear(&s->log[i].pending);
	}
}
