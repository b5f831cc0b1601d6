/* schema.h: what resources look like: their types, attributes and values, as
 * rows. No store, no operation: whoever carries, checks or prints a resource
 * reads these rows (the core, the gate's XML, the command).
 *
 * A type is one file of rows under types/ and one line in types.def; what it
 * does besides being stored is a set of hooks in resource/types/. Specialised
 * types (management objects, flexible containers) and announced variants are
 * composed from rows; definitions may be read from files (schema_load). */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include "codec/cbor.h"
#include "primitive/resource_type.h"

enum {
	STRING_MAX = 4096,       /* octets of a string attribute (not of content) */
	URI_MAX = 2048,
	LIST_ITEMS_DEFAULT = 64,
	GROUP_MEMBERS_MAX = 1024,
	DOCUMENT_MAX = 256 * 1024 /* octets of an attribute that holds a document */
};

/* How a value is checked and carried: a row each in value.c. */
enum value_kind {
	V_STRING, V_UINT, V_POSITIVE, V_BOOL, V_TIMESTAMP, V_URI, V_ID,
	V_LIST_STRING, V_LIST_URI, V_LIST_ID, V_LIST_UINT, V_ENUM, V_ACRS,
	V_NAME, V_CONTENT_INFO, V_ANY, V_MAP, V_FLOAT,
	V_INT, V_ENUM0, V_LIST_ENUM, V_STAMP, V_DURATION, V_LIST_DURATION,
	V_BASE64, V_SCALAR, V_NAMED, V_LIST_NAMED, V_SCHEDULE, V_SCHEDULES,
	V_LIST_FLOAT, V_CIRCLE, V_LIST_BOOL, V_COUNTRIES, V_SERIALIZATIONS, V_IPV4, V_LIST_IPV4, V_IPV6,
	V_LIST_IPV6, V_ORIGINATORS, V_STRUCT, V_STRUCTS, V_SPECIALIZATION,
	V_CONTENT, V_REQUESTS, V_MIN_MAX,
	V_NUMBER_OF, V_LIST_NUMBER_OF, V_TEXT_OF, V_LIST_TEXT_OF
};

/* What a value of a kind is made of, for text forms. */
enum value_form { FORM_TEXT, FORM_NUMBER, FORM_BOOL, FORM_ANY, FORM_STRUCT };

/* Optionality on create and update. */
enum option { NP, OPT, MAN };

enum {
	F_SERVER = 1,  /* set by us only */
	F_ONCE = 2,    /* immutable after creation */
	F_INDEX = 4,   /* searchable: kept in the index */
	F_SECRET = 8,  /* never returned, scrubbed from audit */
	F_PERSON = 16, /* personal data */
	F_COLUMN = 32, /* lives in a column of the row, not in the body */
	F_NOT_BUILT = 64, /* of the standard, not built yet: 5001 when present */
	F_LATER = 8192, /* not of Release 1, whose requests need not give it, and answers have it not */
	F_POLICY = 128, /* names accessControlPolicy resources of this CSE */
	F_LINK = 32768, /* names resources; of this CSE where it does not say of which */
	F_FILLED = 256, /* a list with at least one item */
	F_MARK = 512,   /* XML: carried as an attribute of the element */
	F_TEXT = 1024,  /* XML: carried as the element's text */
	F_REPEAT = 2048, /* XML: one element an item, not one list */
	F_ACTION = 4096, /* true asks for an action: needs an executor on this node */
	F_ONE = 16384   /* of multiplicity 1, though a request need not give it: null does not delete it */
};

struct attribute {
	const char *short_name, *long_name;
	enum value_kind kind;
	enum option create, update;
	enum option announce;  /* NP, OPT (OA), MAN (MA) */
	unsigned flags;
	uint32_t enum_max;     /* V_ENUM: 1..enum_max, V_ENUM0: 0..enum_max, V_LIST_ENUM: items as of
	                        * V_ENUM. V_UINT, V_POSITIVE: at most, unless 0; V_STRING:
	                        * characters so. V_STRUCT: enum complex_id. V_STRUCTS: that
	                        * and, from bit 16, items at most. V_..._OF: enum simple_id.
	                        * Other lists: items at most. 0 items: 64 */
};

/* Simple data types with ranges or a form of their own: rows of simple.def. */
enum simple_id {
#define NUMBERS(id, ...) S_##id,
#define TEXTS(id, check) S_##id,
#include "schema/simple.def"
#undef NUMBERS
#undef TEXTS
};
const char *schema_simple_name(uint32_t id);
bool schema_simple_number(uint32_t id, uint64_t v);
bool schema_simple_text(uint32_t id, struct bytes s);

/* A complex value: a map with these members and no others. Of a member only
 * `create` counts. */
struct complex {
	const char *name; /* of the standard's data type, without m2m: */
	const struct attribute *members;
	size_t members_n;
	unsigned flags;
};
enum {
	X_ONE = 1,   /* exactly one member is present */
	X_EMPTY = 2, /* none need be */
	X_OPEN = 4   /* members of other names may be there, of any value */
};

enum complex_id {
#define COMPLEX(id, flags) C_##id,
#include "schema/complex.def"
#undef COMPLEX
	C_COUNT
};
const struct complex *schema_complex(uint32_t id);
const struct attribute *complex_member(const struct complex *c, struct bytes short_name);

/* Access bits, as types name what they do not allow [TS-0004 6.3.4.2]. */
enum resource_right {
	RIGHT_CREATE = 1, RIGHT_RETRIEVE = 2, RIGHT_UPDATE = 4,
	RIGHT_DELETE = 8, RIGHT_NOTIFY = 16, RIGHT_DISCOVERY = 32
};

struct resource_type {
	uint32_t number;
	const char *name, *short_name; /* "container", "cnt" */
	const struct attribute *attributes;
	size_t attributes_n;
	const uint32_t *parents; /* type numbers it may be a child of */
	size_t parents_n;
	bool of_infrastructure;  /* of an IN-CSE alone [TS-0004 6.3.4.2.1] */
	const uint32_t *alone;   /* parents that hold one of this type at most */
	size_t alone_n;
	unsigned not_allowed;    /* access bits answered 4005 */
	bool policy_of_parent;   /* no acpi attribute: the parent's policy decides */
	bool self_governed;      /* judged by selfPrivileges (accessControlPolicy) */
	bool between_cses;       /* made, changed and deleted by CSEs alone: others get 4005 */
	const char *not_built;   /* why, of rows only: Create is 5001, and srt does not list it */
	bool announced;          /* has an announced variant, 10000 + number */
	bool direct;             /* served to who is on an association of its own only, to
	                          * nobody on whose behalf another CSE speaks; without
	                          * acpi attribute its creator governs it */
	bool exports;            /* its creation may take keys that the connection exports */
	uint32_t instances;      /* type of the instances that are specialized with it, 0 none */
	const char *selector;    /* attribute whose value chooses the specialization
	                          * ("mgd", "cnd"), NULL: there is none */
	const char *prefix;      /* of its member name, NULL: "m2m" */
	/* Of a specialization, else NULL and 0: */
	const char *definition;  /* containerDefinition */
	uint32_t management;     /* mgmtDefinition */
	const struct resource_type *base; /* the type it specializes or announces */
};

/* The type of a number: of mgmtObj and flexContainer the general one. */
const struct resource_type *resource_type(uint32_t number);
/* The type of a member name ("m2m:cnt", "m2m:fwr", "cod:binSh", "m2m:aeA"). */
const struct resource_type *resource_type_named(struct bytes member);
/* The specialization that a value of the selector names; NULL when unknown. */
const struct resource_type *type_specialization(const struct resource_type *general,
                                                const struct cbor *selector);
/* The types built, without specializations and announced variants; all of them. */
size_t resource_types(const struct resource_type *const **out);
size_t schema_types(const struct resource_type *const **out);
/* "m2m:cnt" into `out`. */
err_t type_member(const struct resource_type *type, struct buf *out) MUST_USE;

/* Take in the definitions of a file (load.c says its form), whole or not at all:
 * for the start of a program, before anything is served. *line: where it stopped.
 * ERR_SYNTAX; ERR_DUPLICATE for a name or definition that is taken; ERR_LIMIT,
 * the only one that may leave some of the file behind. */
err_t schema_load(struct bytes text, size_t *line) MUST_USE;

const struct attribute *type_attribute(const struct resource_type *type, struct bytes short_name);
/* Can any type be its child? */
bool type_has_children(const struct resource_type *type);
bool type_allows_parent(const struct resource_type *type, uint32_t parent);

/* What stands behind the names, for xml.h: resources, complex values, primitives. */
struct xml_schema;
extern const struct xml_schema schema_xml;
struct xml_context;
/* The long name of a member there; NULL when it has none. */
const char *schema_long_name(struct xml_context in, struct bytes name);

bool value_ok(const struct attribute *a, const struct cbor *v);
/* What a value of this kind is made of; *list: an array of such. */
enum value_form value_form(const struct attribute *a, bool *list);
/* The kind's name in definition files and documents; false when unknown. */
const char *value_kind_name(enum value_kind kind);
bool value_kind_named(struct bytes name, enum value_kind *out);
bool acrs_ok(const struct cbor *v);
/* Rules in an encoded, checked setOfAcrs. */
size_t acrs_rules(const struct cbor *v);

#endif
