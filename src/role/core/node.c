/* node.c: opens the store and the mechanisms that live in it, with keys from the
 * keeper; closes them with a last record and a last anchor. */
#include "base/clock.h"
#include "base/log.h"
#include "crypt/crypt.h"
#include "role/core/core.h"

static err_t data_key_new(void *self, uint8_t key[32], struct buf *sealed)
{
	return keeper_data_key_new(self, key, sealed);
}

static err_t data_key_open(void *self, struct bytes sealed, uint8_t key[32])
{
	return keeper_data_key_open(self, sealed, key);
}

static err_t index_key(void *self, struct bytes attribute, uint8_t key[32])
{
	return keeper_index_key(self, attribute, key);
}

static err_t data_key_rewrap(void *self, struct bytes sealed, struct buf *out)
{
	return keeper_data_key_rewrap(self, sealed, out);
}

static err_t open_store(struct core *c)
{
	const struct options *o = &c->worker->options;
	struct store_setup setup = {
		.engine = options_text(o, OPT_store_engine),
		.path = "holdfast.db", /* in the one directory this process has */
		.cache_rows = (size_t)options_number(o, OPT_store_cache_rows),
		.keys = { &c->keeper, data_key_new, data_key_open, index_key, data_key_rewrap },
	};

	return store_open(&setup, &c->store);
}

static err_t open_resources(struct core *c)
{
	const struct options *o = &c->worker->options;
	struct cse_identity cse = {
		.sp_id = bytes_str(options_text(o, OPT_node_sp_id)),
		.cse_id = bytes_str(options_text(o, OPT_node_cse_id)),
		.cse_name = bytes_str(options_text(o, OPT_node_cse_name)),
		.cse_type = (unsigned)options_number(o, OPT_node_cse_type),
		.poa = bytes_str(options_text(o, OPT_node_poa)),
	};

	return resources_open(c->store, &cse, &c->room.resources);
}

static err_t open_mechanisms(struct core *c)
{
	const struct options *o = &c->worker->options;
	err_t err;

	TRY(audit_open(c->store, &c->room.audit));
	TRY(replay_open(c->store, (int64_t)options_number(o, OPT_replay_window) * 1000,
	                (size_t)options_number(o, OPT_replay_entries), c->now, &c->room.replay));
	TRY(registry_open(c->store, &c->room.registry));
	node_reload(c);
	TRY(assurance_open(c->store, &c->room.assurance));
	TRY(queue_open(c->store, &c->room.queue));
	/* The first start makes the CSEBase: in a transaction, with a record. */
	TRY(batch_begin(c));
	TRY(open_resources(c));
out:
	return err;
}

static enum clone_action clone_action_of(struct bytes word)
{
	return bytes_equal(word, BYTES("end")) ? CLONE_END
	       : bytes_equal(word, BYTES("refuse")) ? CLONE_REFUSE : CLONE_RECORD;
}

static struct registry_policy registry_policy_of(const struct options *o)
{
	return (struct registry_policy){
		.lifetime = (int64_t)options_number(o, OPT_association_time) * 1000,
		.requests = options_number(o, OPT_association_requests),
		.openings = (unsigned)options_number(o, OPT_peer_associations),
		.places = (unsigned)options_number(o, OPT_clone_places),
		.moves = (unsigned)options_number(o, OPT_clone_moves),
		.octets = options_number(o, OPT_association_octets),
		.session = 1000 * (int64_t)options_number(o, OPT_session_time),
		.action = clone_action_of(bytes_str(options_text(o, OPT_clone_action))),
	};
}

/* An answer leaves within twice gate.request_time; what is done may ask others. */
static int64_t blocking_max(const struct options *o)
{
	int64_t answer = 2000 * (int64_t)options_number(o, OPT_gate_request_time) - 1000;
	int64_t others = 1000 * (int64_t)options_number(o, OPT_outbound_time);

	return answer > others ? answer - others : 0;
}

static struct bytes infrastructure(const struct options *o)
{
	struct bytes named = bytes_str(options_text(o, OPT_registrar_in_cse));

	if (options_number(o, OPT_node_cse_type) == IN_CSE)
		return BYTES_NONE;
	return named.n ? named : bytes_str(options_text(o, OPT_registrar_id));
}

void node_reload(struct core *c)
{
	const struct options *o = &c->worker->options;
	struct registry_policy policy = registry_policy_of(o);

	c->room.keep_ms = 1000 * (int64_t)options_number(o, OPT_outbound_keep);
	if (c->room.registry)
		registry_set_policy(c->room.registry, &policy);
	c->room.content_max = options_number(o, OPT_request_content_max);
	c->room.blocking_max = blocking_max(o);
	c->room.state_fresh = (int64_t)options_number(o, OPT_assurance_state_time) * 1000;
	c->room.proof_fresh = (int64_t)options_number(o, OPT_assurance_proof_time) * 1000;
	c->room.lab = options_flag(o, OPT_lab);
	c->room.location_source = bytes_str(options_text(o, OPT_location_source));
	c->room.lab_admin = c->room.lab ? bytes_str(options_text(o, OPT_lab_admin)) : BYTES_NONE;
	c->room.lab_cses = c->room.lab ? bytes_str(options_text(o, OPT_lab_remote_cses)) : BYTES_NONE;
	c->room.subscription_required = options_flag(o, OPT_subscription_required);
	c->room.role_issuers = bytes_str(options_text(o, OPT_role_issuers));
	c->room.registrar = bytes_str(options_text(o, OPT_registrar_id));
	c->room.infrastructure = infrastructure(o);
	c->room.providers = bytes_str(options_text(o, OPT_mcc_providers));
	c->room.require_registration_rule = !c->room.lab;
	if (c->room.quota)
		quota_limit(c->room.quota, (struct quota_limits){ options_number(o, OPT_peer_resources),
			                                          options_number(o, OPT_peer_octets) });
}

void node_reload_registers(struct core *c)
{
	if (registry_reload(c->room.registry) != ERR_OK || assurance_reload(c->room.assurance) != ERR_OK)
		must_failed("registers cannot be read again", __FILE__, __LINE__);
}

/* A policy that is not the table's own is on record at each start [CM26]. */
static err_t record_algorithms(struct core *c)
{
	struct audit_record record = { .kind = AUDIT_START, .at = c->now };
	struct bytes refuse = bytes_str(options_text(&c->worker->options, OPT_algorithms_refuse));
	struct bytes legacy = bytes_str(options_text(&c->worker->options, OPT_algorithms_legacy));
	struct buf text = buf_make(2200);
	err_t err = ERR_OK;

	if (refuse.n || legacy.n) {
		TRY(buf_printf(&text, "algorithms refused: %.*s; legacy ones accepted: %.*s",
		               BYTES_FMT(refuse.n ? refuse : BYTES("none")),
		               BYTES_FMT(legacy.n ? legacy : BYTES("none"))));
		record.text = bytes_of_buf(&text);
		TRY(batch_record(c, &record));
	}
out:
	buf_free(&text);
	return err;
}

/* Was the last end a clean one? The mark is taken away until the next. */
static err_t record_start(struct core *c)
{
	struct audit_record record = { .kind = AUDIT_START, .at = c->now };
	struct bytes clean;
	err_t err;

	TRY(store_record_get(c->store, STORE_NODE, BYTES("clean"), &c->room.arena, &clean));
	record.text = clean.n ? BYTES("the previous end was clean")
	                      : BYTES("first start, or the previous end was not clean");
	if (clean.n)
		TRY(store_record_delete(c->store, STORE_NODE, BYTES("clean")));
	TRY(batch_record(c, &record));
	TRY(record_algorithms(c));
out:
	return err;
}

/* Give back what was opened; nothing is written. */
static void drop(struct core *c)
{
	struct request_room *room = &c->room;

	if (c->inside)
		store_rollback(c->store);
	c->inside = false;
	if (room->resources)
		resources_close(room->resources);
	if (room->registry)
		registry_close(room->registry);
	assurance_close(room->assurance);
	if (room->replay)
		replay_close(room->replay);
	if (room->audit)
		audit_close(room->audit);
	later_free(&room->later);
	quota_close(room->quota);
	room->quota = NULL;
	queue_close(room->queue);
	room->queue = NULL;
	if (c->store)
		store_close(c->store);
	room->resources = NULL;
	room->registry = NULL;
	room->assurance = NULL;
	room->replay = NULL;
	room->audit = NULL;
	room->store = c->store = NULL;
	arena_free(&room->arena);
	buf_free(&room->content);
	arena_free(&room->scratch);
}

/* What is due, and what each originator has. */
static err_t open_counts(struct core *c)
{
	struct hash_key key;
	err_t err;

	crypt_random(&c->room.later.key, sizeof(c->room.later.key));
	crypt_random(&key, sizeof(key));
	TRY(later_reload(&c->room));
	TRY(quota_open(c->store, key, &c->room.quota));
	resources_account(c->room.resources, quota_accounts(c->room.quota));
	registered_open(c);
	node_reload(c);
out:
	return err;
}

err_t node_open(struct core *c)
{
	err_t err;

	arena_init(&c->room.arena, CORE_ARENA);
	arena_init(&c->room.scratch, CORE_SCRATCH);
	node_reload(c);
	c->room.is_kept = held_has;
	c->room.kept_by = c;
	c->room.channels = (struct channel_house){ c, channel_take, channel_answer };
	/* What survives no restart cannot be compared with an anchor that does. */
	c->anchors = !bytes_equal(bytes_str(options_text(&c->worker->options, OPT_store_engine)),
	                          BYTES("memory"));
	TRY(open_store(c));
	c->room.store = c->store;
	TRY(open_mechanisms(c));
	TRY(open_counts(c));
	TRY(record_start(c));
	if (c->anchors)
		TRY(anchor_compare(c));
	TRY(batch_commit(c));
	c->open = true;
	c->locked = false;
	log_event(LOG_NOTE, "open", "engine=%s rollback=%d",
	          options_text(&c->worker->options, OPT_store_engine), c->rollback);
out:
	if (err != ERR_OK) {
		c->locked = err == ERR_LOCKED;
		drop(c);
	}
	return err;
}

/* After STOP: the last record and the mark of a clean end in one transaction. */
static err_t record_stop(struct core *c)
{
	struct audit_record record = { .kind = AUDIT_STOP, .at = c->now,
		                       .text = BYTES("stopped") };
	err_t err;

	TRY(batch_begin(c));
	TRY(batch_record(c, &record));
	TRY(store_record_put(c->store, STORE_NODE, BYTES("clean"), BYTES("1")));
	TRY(batch_commit(c));
out:
	return err;
}

void node_close(struct core *c)
{
	err_t err;

	if (!c->open)
		return;
	c->now = clock_now();
	association_record_events(c);
	TRY(record_stop(c));
	anchor_when_due(c, true);
	TRY(batch_commit(c));
out:
	if (err != ERR_OK)
		log_event(LOG_ERROR, "not stopped cleanly", "why=%s", err_text(err));
	drop(c);
	c->open = false;
}
